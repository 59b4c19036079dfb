{#
    The current rows of a raw table. Raw is append-only and holds every version of every row; the contract's
    `replace_by` (in the source's YAML, equal to `ingestion/contracts.py`) says what a later load replaces:

    - the whole key: the latest version of each row, by `updated_at` if the table has it, then load, file, line
    - a part of the key: all rows that the latest load and file delivered for the group (a closing, an order),
      so a line that was removed disappears
    - nothing: the rows of the latest load, a full snapshot

    Rows of one delivery with the same key: the last line wins. `unique=false` leaves that step out where a
    table is large and its key is tested elsewhere.

    Use: `select … from {{ latest_version('branch__customer') }} as customers`
#}
{% macro latest_version(table, unique=true) %}
    {%- set relation = source("raw", table) -%}
    {#- A unit test knows no sources: the rows it gives are the current ones. -#}
    {%- if not execute or graph.sources is not defined -%}
        {{ relation }}
    {%- else -%}
        {%- set node = graph.sources["source." ~ project_name ~ ".raw." ~ table] -%}
        {%- set meta = node.config.get("meta") or node.meta -%}
        {{ current_rows(relation, meta["key"], meta["replace_by"], "updated_at" in node.columns, unique) }}
    {%- endif -%}
{% endmacro %}

{% macro current_rows(relation, key, replace_by, has_updated_at, unique=true) %}
    {%- set newest = "_load_id desc, _source_file desc, _source_line desc" -%}
    {%- if replace_by | length == key | length -%}
        (
            select *
            from (
                select
                    *,
                    row_number() over (
                        partition by {{ key | join(", ") }}
                        order by {% if has_updated_at %}updated_at desc nulls last, {% endif %}{{ newest }}
                    ) as _version_rank
                from {{ relation }}
            ) as versions
            where _version_rank = 1
        )
    {%- else -%}
        {%- set group = (replace_by | join(", ")) or "1" -%}
        (
            select *
            from (
                select
                    *,
                    {%- if unique %}
                    row_number() over (partition by {{ key | join(", ") }} order by {{ newest }}) as _version_rank
                    {%- else %}
                    1 as _version_rank
                    {%- endif %}
                from (
                    select
                        *,
                        {%- if replace_by %}
                        rank() over (partition by {{ group }} order by _load_id desc, _source_file desc) as _delivery_rank
                        {%- else %}
                        rank() over (order by _load_id desc) as _delivery_rank
                        {%- endif %}
                    from {{ relation }}
                ) as deliveries
                where _delivery_rank = 1
            ) as versions
            where _version_rank = 1
        )
    {%- endif -%}
{% endmacro %}
