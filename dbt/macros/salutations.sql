{# German letters: how to address a person. Columns: salutation, title, first_name, last_name. #}

{% macro is_woman(salutation) -%}
    coalesce(lower(trim({{ salutation }})) in ('frau', 'fr.', 'fr', 'mrs', 'mrs.', 'ms', 'ms.'), false)
{%- endmacro %}

{% macro is_man(salutation) -%}
    coalesce(lower(trim({{ salutation }})) in ('herr', 'herrn', 'hr.', 'hr', 'mr', 'mr.'), false)
{%- endmacro %}

{# "Sehr geehrte Frau Dr. Müller"; without a salutation "Guten Tag Maria Müller". #}
{% macro salutation_of_person() -%}
    case
        when {{ is_woman("salutation") }} then concat_ws(' ', 'Sehr geehrte Frau', title, last_name)
        when {{ is_man("salutation") }} then concat_ws(' ', 'Sehr geehrter Herr', title, last_name)
        else concat_ws(' ', 'Guten Tag', title, first_name, last_name)
    end
{%- endmacro %}
