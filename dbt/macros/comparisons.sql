{# How two values of a candidate pair compare: the levels that the matching rules speak of. #}

{# equal, similar (another spelling), initial (one is only an initial), other, unknown. #}
{% macro name_level(a, b, given=false) -%}
    case
        when {{ a }} is null or {{ b }} is null then 'unknown'
        when {{ a }} = {{ b }} then 'equal'
        when least(length({{ a }}), length({{ b }})) = 1
            then case when left({{ a }}, 1) = left({{ b }}, 1) then 'initial' else 'other' end
        when {{ is_other_spelling(a, b, given) }} then 'similar'
        else 'other'
    end
{%- endmacro %}

{# equal, other, unknown. #}
{% macro value_level(a, b) -%}
    case
        when {{ a }} is null or {{ b }} is null then 'unknown'
        when {{ a }} = {{ b }} then 'equal'
        else 'other'
    end
{%- endmacro %}

{# equal, near (one digit off, or day and month swapped), other, unknown. #}
{% macro birth_date_level(a, b) -%}
    {%- set text_a = "cast(" ~ a ~ " as " ~ dbt.type_string() ~ ")" -%}
    {%- set text_b = "cast(" ~ b ~ " as " ~ dbt.type_string() ~ ")" -%}
    case
        when {{ a }} is null or {{ b }} is null then 'unknown'
        when {{ a }} = {{ b }} then 'equal'
        when
            left({{ text_a }}, 4) = left({{ text_b }}, 4)
            and substr({{ text_a }}, 6, 2) = substr({{ text_b }}, 9, 2)
            and substr({{ text_a }}, 9, 2) = substr({{ text_b }}, 6, 2)
            then 'near'
        when {{ edit_distance(text_a, text_b) }} = 1 then 'near'
        else 'other'
    end
{%- endmacro %}

{# equal, near (same place and street, one house number missing), other, unknown (a part is missing). #}
{% macro address_level(a, b) -%}
    case
        when {{ a }}.address_key = {{ b }}.address_key then 'equal'
        when {{ a }}.postal_key <> {{ b }}.postal_key then 'other'
        when
            {{ a }}.postal_key is null or {{ b }}.postal_key is null
            or {{ a }}.street_key is null or {{ b }}.street_key is null then 'unknown'
        when {{ a }}.street_key = {{ b }}.street_key and ({{ a }}.house_no_key is null or {{ b }}.house_no_key is null)
            then 'near'
        when
            {{ a }}.house_no_key = {{ b }}.house_no_key
            and {{ edit_distance(a ~ ".street_key", b ~ ".street_key") }} <= 2
            then 'near'
        else 'other'
    end
{%- endmacro %}

{# True when the records share a phone number in any of their fields; `mobile`: only numbers of one person. #}
{% macro same_number(a, b, mobile=false) -%}
    (
        {%- for left_column in ["phone_key", "mobile_key"] %}
            {%- set outer_loop = loop %}
            {%- for right_column in ["phone_key", "mobile_key"] %}
                coalesce(
                    {{ a }}.{{ left_column }} = {{ b }}.{{ right_column }}
                    {%- if mobile %} and {{ is_mobile_number(a ~ "." ~ left_column) }}{% endif %}, false
                )
                {{ "or" if not (outer_loop.last and loop.last) }}
            {%- endfor %}
        {%- endfor %}
    )
{%- endmacro %}
