{# A text without outer blanks; null when nothing is left. #}
{% macro clean_text(value) -%}
    nullif(trim({{ value }}), '')
{%- endmacro %}

{# Values of any type as one text, parted by |, so that different values give different texts. #}
{% macro joined_values(values, missing="-") -%}
    concat_ws('|'
        {%- for value in values %}, coalesce(cast({{ value }} as {{ dbt.type_string() }}), '{{ missing }}'){% endfor -%}
    )
{%- endmacro %}
