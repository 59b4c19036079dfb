{# Casts and arithmetic that engines spell differently. Date arithmetic: dbt.dateadd, dbt.datediff, dbt.date_trunc. #}

{# The cast value, null where it cannot be cast. #}
{% macro try_cast_to(value, type) -%}
    {{ return(adapter.dispatch("try_cast_to")(value, type)) }}
{%- endmacro %}

{% macro default__try_cast_to(value, type) -%}
    try_cast({{ value }} as {{ type }})
{%- endmacro %}

{# a / b as a double, null where b is zero. #}
{% macro divide(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}

{# Money: DECIMAL(18, 2), so that sums are exact and independent of their order. #}
{% macro to_amount(value) -%}
    cast({{ value }} as decimal(18, 2))
{%- endmacro %}

{# Days from a to b as an integer. #}
{% macro days_between(first_date, second_date) -%}
    {{ dbt.datediff(first_date, second_date, "day") }}
{%- endmacro %}

{# The median of a column, the lower one of two. #}
{% macro lower_median(value) -%}
    {{ return(adapter.dispatch("lower_median")(value)) }}
{%- endmacro %}

{% macro default__lower_median(value) -%}
    percentile_disc(0.5) within group (order by {{ value }})
{%- endmacro %}
