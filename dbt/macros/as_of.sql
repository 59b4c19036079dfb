{# The day of the run. Nothing that happened at or after its start (UTC) enters a model. #}
{% macro as_of_date() -%}
    cast('{{ var("as_of") }}' as date)
{%- endmacro %}

{# The first instant that is no longer seen, UTC. #}
{% macro as_of_at() -%}
    cast('{{ var("as_of") }} 00:00:00' as timestamp)
{%- endmacro %}

{# Refuses a run without a valid `as_of`; called before anything is built. #}
{% macro require_as_of() -%}
    {%- if execute and flags.WHICH in ["build", "run", "test", "seed", "snapshot"] -%}
        {%- set value = var("as_of") | string -%}
        {%- if value == "0001-01-01" or not modules.re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value) -%}
            {{ exceptions.raise_compiler_error(
                "The day of the run is missing: pass --vars '{as_of: YYYY-MM-DD}' (got " ~ value ~ ")"
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
