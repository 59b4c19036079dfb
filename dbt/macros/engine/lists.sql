{# Lists and aggregations whose order matters: always sorted, so that a result never depends on threads. #}

{# Distinct values as one text, sorted; nulls are left out. #}
{% macro string_agg_sorted(value, separator=", ") -%}
    {{ return(adapter.dispatch("string_agg_sorted")(value, separator)) }}
{%- endmacro %}

{% macro duckdb__string_agg_sorted(value, separator) -%}
    string_agg(distinct {{ value }}, '{{ separator }}' order by {{ value }})
{%- endmacro %}

{% macro default__string_agg_sorted(value, separator) -%}
    array_join(array_sort(collect_set({{ value }})), '{{ separator }}')
{%- endmacro %}

{# Distinct values as a list, sorted; nulls are left out, null when nothing is left. #}
{% macro list_agg_sorted(value) -%}
    {{ return(adapter.dispatch("list_agg_sorted")(value)) }}
{%- endmacro %}

{% macro duckdb__list_agg_sorted(value) -%}
    list(distinct {{ value }} order by {{ value }}) filter (where {{ value }} is not null)
{%- endmacro %}

{% macro default__list_agg_sorted(value) -%}
    array_sort(collect_set({{ value }}))
{%- endmacro %}

{% macro list_size(value) -%}
    {{ return(adapter.dispatch("list_size")(value)) }}
{%- endmacro %}

{% macro duckdb__list_size(value) -%}
    coalesce(len({{ value }}), 0)
{%- endmacro %}

{% macro default__list_size(value) -%}
    coalesce(size({{ value }}), 0)
{%- endmacro %}

{% macro list_contains(list, value) -%}
    {{ return(adapter.dispatch("list_contains")(list, value)) }}
{%- endmacro %}

{% macro duckdb__list_contains(list, value) -%}
    list_contains({{ list }}, {{ value }})
{%- endmacro %}

{% macro default__list_contains(list, value) -%}
    array_contains({{ list }}, {{ value }})
{%- endmacro %}

{# One row per element. Use in the select list. #}
{% macro list_rows(value) -%}
    {{ return(adapter.dispatch("list_rows")(value)) }}
{%- endmacro %}

{% macro duckdb__list_rows(value) -%}
    unnest({{ value }})
{%- endmacro %}

{% macro default__list_rows(value) -%}
    explode({{ value }})
{%- endmacro %}

{% macro text_to_list(value, separator) -%}
    {{ return(adapter.dispatch("text_to_list")(value, separator)) }}
{%- endmacro %}

{% macro duckdb__text_to_list(value, separator) -%}
    string_split({{ value }}, '{{ separator }}')
{%- endmacro %}

{% macro default__text_to_list(value, separator) -%}
    split({{ value }}, '{{ separator }}')
{%- endmacro %}

{# The value in the row with the highest order; ties go to the greatest value, rows with a null value are out. #}
{% macro max_value_by(value, ordering) -%}
    {{ return(adapter.dispatch("max_value_by")(value, ordering)) }}
{%- endmacro %}

{% macro duckdb__max_value_by(value, ordering) -%}
    max(struct_pack(o := {{ ordering }}, v := {{ value }})) filter (where {{ value }} is not null).v
{%- endmacro %}

{% macro default__max_value_by(value, ordering) -%}
    max(named_struct('o', {{ ordering }}, 'v', {{ value }})) filter (where {{ value }} is not null).v
{%- endmacro %}

{# True when two lists have an element in common; null when one is null. #}
{% macro lists_overlap(a, b) -%}
    {{ return(adapter.dispatch("lists_overlap")(a, b)) }}
{%- endmacro %}

{% macro duckdb__lists_overlap(a, b) -%}
    list_has_any({{ a }}, {{ b }})
{%- endmacro %}

{% macro default__lists_overlap(a, b) -%}
    arrays_overlap({{ a }}, {{ b }})
{%- endmacro %}

{# Every element of the first list is in the second. #}
{% macro list_contains_all(part, whole) -%}
    {{ return(adapter.dispatch("list_contains_all")(part, whole)) }}
{%- endmacro %}

{% macro duckdb__list_contains_all(part, whole) -%}
    list_has_all({{ whole }}, {{ part }})
{%- endmacro %}

{% macro default__list_contains_all(part, whole) -%}
    size(array_except({{ part }}, {{ whole }})) = 0
{%- endmacro %}
