{# A text without outer blanks; null when nothing is left. #}
{% macro clean_text(value) -%}
    nullif(trim({{ value }}), '')
{%- endmacro %}
