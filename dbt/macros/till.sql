{#
    Receipts of the tills. In DSFinV-K a reversal is a receipt or a line of its own with BON_STORNO or P_STORNO set and
    with its quantity and amounts already negated, beside the untouched original. So amounts count as they are
    written and the flags never turn a sign: turning it would count the original twice.
#}

{# Key of a receipt: BON_ID is unique within a till's closing only, and a till may start its Z_NR again. #}
{% macro receipt_id(relation) -%}
    concat(
        {{ relation }}.z_kasse_id, '/', cast(cast({{ relation }}.z_erstellung as date) as {{ dbt.type_string() }}),
        '/', cast({{ relation }}.z_nr as {{ dbt.type_string() }}), '/', {{ relation }}.bon_id
    )
{%- endmacro %}

{#
    The rows of the newest delivery of each closing, for tables of millions of lines: instead of ranking every
    line, the few deliveries are ranked and the lines of superseded ones (usually none) are left out.
#}
{% macro newest_closings(table) -%}
    (
        select deliveries.*
        from {{ source("raw", table) }} as deliveries
        where
            not exists (
                select 1
                from (
                    select
                        *,
                        row_number() over (
                            partition by z_kasse_id, z_erstellung, z_nr
                            order by _load_id desc, _source_file desc
                        ) as delivery_rank
                    from (
                        select distinct
                            z_kasse_id,
                            z_erstellung,
                            z_nr,
                            _load_id,
                            _source_file
                        from {{ source("raw", table) }}
                    ) as distinct_deliveries
                ) as superseded
                where
                    superseded.delivery_rank > 1
                    and superseded.z_kasse_id = deliveries.z_kasse_id
                    and superseded.z_erstellung = deliveries.z_erstellung
                    and superseded.z_nr = deliveries.z_nr
                    and superseded._load_id = deliveries._load_id
                    and superseded._source_file = deliveries._source_file
            )
    )
{%- endmacro %}
