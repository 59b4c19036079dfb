{#
    Tables that Python steps write between dbt models (`meta: {written_by: python}` in the source's YAML)
    exist from the first run on, typed and empty, so every model builds before the step has ever run.
#}
{% macro create_missing_source_tables() %}
    {%- if execute -%}
        {%- for node in graph.sources.values() | sort(attribute="unique_id")
            if node.source_meta.get("written_by") == "python" -%}
            {%- do run_query("create schema if not exists " ~ node.schema) -%}
            {%- set columns = [] -%}
            {%- for column in node.columns.values() -%}
                {%- do columns.append(column.name ~ " " ~ column.data_type) -%}
            {%- endfor -%}
            {%- do run_query(
                "create table if not exists " ~ node.schema ~ "." ~ node.identifier ~ " (" ~ columns | join(", ") ~ ")"
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
