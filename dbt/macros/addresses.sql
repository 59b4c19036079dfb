{# A house number may stand at the end of the street: "Lange Str. 12 a". A number field of its own wins. #}

{% macro house_no_of(street, house_no) -%}
    coalesce(
        nullif(trim({{ house_no }}), ''),
        nullif(trim({{ regexp_group(street, _street_pattern(), 2) }}), '')
    )
{%- endmacro %}

{% macro street_of(street, house_no) -%}
    nullif(
        trim(
            case
                when nullif(trim({{ house_no }}), '') is null and {{ regexp_contains(street, _street_pattern()) }}
                    then {{ regexp_group(street, _street_pattern(), 1) }}
                else {{ street }}
            end
        ),
        ''
    )
{%- endmacro %}

{% macro _street_pattern() -%}
    ^(.*[^0-9 ,]),? +([0-9]+ ?[a-zA-Z]?(?: ?[-/+] ?[0-9]+ ?[a-zA-Z]?)*) *$
{%- endmacro %}
