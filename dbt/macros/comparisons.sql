{# How two values of a candidate pair compare: the levels that have weights. `a` and `b` are tables of record keys. #}

{#
    Given names. equal; part (Anna and Anna Maria); variant (Hans and Johannes); short (Gundi and Gundula); similar (another
    spelling); initial; other; unknown.
#}
{% macro first_name_level(a, b) -%}
    {%- set x = a ~ ".first_key" -%}
    {%- set y = b ~ ".first_key" -%}
    case
        when {{ x }} is null or {{ y }} is null then 'unknown'
        when {{ x }} = {{ y }} then 'equal'
        when least(length({{ x }}), length({{ y }})) = 1
            then case when left({{ x }}, 1) = left({{ y }}, 1) then 'initial' else 'other' end
        -- Lists are slow: two single words that differ have none in common, and most names no variants.
        when
            ({{ x }} like '% %' or {{ y }} like '% %')
            and (
                {{ lists_overlap(a ~ ".given_words", b ~ ".given_words") }}
                or replace({{ x }}, ' ', '') = replace({{ y }}, ' ', '')
            )
            then 'part'
        when
            {{ list_size(a ~ ".given_classes") }} + {{ list_size(b ~ ".given_classes") }} > 2
            and {{ lists_overlap(a ~ ".given_classes", b ~ ".given_classes") }} then 'variant'
        when {{ is_other_spelling(a ~ ".first_word", b ~ ".first_word", given=true) }} then 'similar'
        when {{ is_short_form(a ~ ".first_word", b ~ ".first_word") }} then 'short'
        when {{ a }}.given_sound = {{ b }}.given_sound and length({{ a }}.given_sound) >= 3 then 'sound'
        else 'other'
    end
{%- endmacro %}

{# Steffi and Stefanie, Alex and Alexander; not Martin and Martina. #}
{% macro is_short_form(a, b) -%}
    {%- set short = "case when length(" ~ a ~ ") <= length(" ~ b ~ ") then " ~ a ~ " else " ~ b ~ " end" -%}
    {%- set long = "case when length(" ~ a ~ ") <= length(" ~ b ~ ") then " ~ b ~ " else " ~ a ~ " end" -%}
    (
        least(length({{ a }}), length({{ b }})) between 3 and 6
        and (
            (
                right({{ short }}, 1) in ('i', 'y')
                and starts_with({{ long }}, left({{ short }}, length({{ short }}) - 1))
            )
            or (starts_with({{ long }}, {{ short }}) and abs(length({{ a }}) - length({{ b }})) > 2)
        )
    )
{%- endmacro %}

{# Family names. equal; part (Müller and Müller-Schmidt); similar; sound; swapped with the given name; other; unknown. #}
{% macro last_name_level(a, b) -%}
    {%- set x = a ~ ".last_key" -%}
    {%- set y = b ~ ".last_key" -%}
    case
        when {{ x }} is null or {{ y }} is null then 'unknown'
        when {{ x }} = {{ y }} then 'equal'
        when {{ a }}.first_key = {{ y }} and {{ x }} = {{ b }}.first_key then 'swapped'
        when {{ is_other_spelling(x, y) }} then 'similar'
        when
            ({{ x }} like '% %' or {{ y }} like '% %') and {{ lists_overlap(a ~ ".family_words", b ~ ".family_words") }}
            then 'part'
        when {{ lists_overlap(a ~ ".family_sounds", b ~ ".family_sounds") }} then 'sound'
        when length({{ x }}) = 1 or length({{ y }}) = 1
            then case when left({{ x }}, 1) = left({{ y }}, 1) then 'initial' else 'other' end
        else 'other'
    end
{%- endmacro %}

{# Company names. equal, similar, part (one begins with the other), other, unknown. #}
{% macro company_level(a, b) -%}
    case
        when {{ a }} is null or {{ b }} is null then 'unknown'
        when {{ a }} = {{ b }} then 'equal'
        when least(length({{ a }}), length({{ b }})) >= 6 and {{ edit_distance("left(" ~ a ~ ", 40)", "left(" ~ b ~ ", 40)") }} <= 2 then 'similar'
        when least(length({{ a }}), length({{ b }})) >= 6 and (starts_with({{ a }}, {{ b }}) or starts_with({{ b }}, {{ a }}))
            then 'part'
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

{#
    Dates of birth. equal; swapped (day and month); year (the same year, and one is its first of January); digit (one
    digit off, or two that changed places); near (a slip of a day, month, year or decade); other; generation (other, by
    14 years or more); unknown.
#}
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
            then 'swapped'
        when
            left({{ text_a }}, 4) = left({{ text_b }}, 4)
            and '-01-01' in (substr({{ text_a }}, 5), substr({{ text_b }}, 5)) then 'year'
        when {{ edit_distance(text_a, text_b) }} = 1 then 'digit'
        when {{ edit_distance(text_a, text_b) }} = 2 and {{ same_letters(text_a, text_b) }} then 'digit'
        when abs({{ days_between(a, b) }}) in (1, 10, 28, 29, 30, 31, 365, 366, 3652, 3653) then 'near'
        when abs({{ days_between(a, b) }}) >= {{ (var("generation_years") * 365.25) | int }} then 'generation'
        else 'other'
    end
{%- endmacro %}

{#
    Addresses. equal; number (one house number missing, or 5 and 5a); spelling (street misspelt); postal (postal code
    misspelt); street (same street, other number); code (same postal code, one street unknown); moved (same postal code,
    other street); region (first two digits agree); far; unknown.
#}
{% macro address_level(a, b) -%}
    case
        when {{ a }}.address_key = {{ b }}.address_key then 'equal'
        when {{ a }}.postal_key is null or {{ b }}.postal_key is null
            then case when {{ a }}.street_key = {{ b }}.street_key and {{ a }}.house_no_key = {{ b }}.house_no_key then 'postal' else 'unknown' end
        when {{ a }}.postal_key = {{ b }}.postal_key then
            case
                when {{ a }}.street_key is null or {{ b }}.street_key is null then 'code'
                when {{ a }}.street_key = {{ b }}.street_key then
                    case
                        when
                            {{ a }}.house_no_key is null or {{ b }}.house_no_key is null
                            or {{ regexp_replace_all(a ~ ".house_no_key", "[^0-9].*$", "") }}
                            = {{ regexp_replace_all(b ~ ".house_no_key", "[^0-9].*$", "") }} then 'number'
                        else 'street'
                    end
                when
                    {{ a }}.house_no_key = {{ b }}.house_no_key
                    and {{ edit_distance(a ~ ".street_key", b ~ ".street_key") }}
                    <= greatest(2, least(length({{ a }}.street_key), length({{ b }}.street_key)) // 4)
                    then 'spelling'
                else 'moved'
            end
        when
            {{ a }}.house_no_key = {{ b }}.house_no_key
            and ({{ a }}.street_key = {{ b }}.street_key or {{ edit_distance(a ~ ".street_key", b ~ ".street_key") }} <= 2)
            then 'postal'
        when left({{ a }}.postal_key, 2) = left({{ b }}.postal_key, 2) and length({{ a }}.postal_key) = length({{ b }}.postal_key)
            then 'region'
        else 'far'
    end
{%- endmacro %}

{# E-mail addresses. equal; mailbox (the same one elsewhere); similar (a slip); other; unknown. #}
{% macro email_level(a, b) -%}
    case
        when {{ a }}.email_key is null or {{ b }}.email_key is null then 'unknown'
        when {{ a }}.email_key = {{ b }}.email_key then 'equal'
        when {{ a }}.mailbox_letters = {{ b }}.mailbox_letters and length({{ a }}.mailbox_letters) >= 5 then 'mailbox'
        when
            {{ a }}.email_domain = {{ b }}.email_domain
            and least(length({{ a }}.mailbox_letters), length({{ b }}.mailbox_letters)) >= 6
            and {{ edit_distance(a ~ ".mailbox_letters", b ~ ".mailbox_letters") }} <= 2 then 'similar'
        else 'other'
    end
{%- endmacro %}

{# True when a mailbox bears the names of the record. #}
{% macro mailbox_names(mailbox, record) -%}
    coalesce(
        length({{ record }}.first_word) >= 3 and length({{ record }}.last_key) >= 4
        and contains({{ mailbox }}.mailbox_letters, {{ record }}.first_word)
        and contains({{ mailbox }}.mailbox_letters, replace({{ record }}.last_key, ' ', '')),
        false
    )
{%- endmacro %}

{# True when a mailbox bears the given name of the record. #}
{% macro mailbox_calls(mailbox, record) -%}
    coalesce(length({{ record }}.first_word) >= 3 and contains({{ mailbox }}.mailbox_letters, {{ record }}.first_word), false)
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

{# Phones. mobile, landline (equal ones); similar (a slip in the number); other; unknown. #}
{% macro phone_level(a, b) -%}
    {%- set x = "coalesce(" ~ a ~ ".mobile_key, " ~ a ~ ".phone_key)" -%}
    {%- set y = "coalesce(" ~ b ~ ".mobile_key, " ~ b ~ ".phone_key)" -%}
    case
        when {{ x }} is null or {{ y }} is null then 'unknown'
        when {{ same_number(a, b) }}
            then case when {{ same_number(a, b, mobile=true) }} then 'mobile' else 'landline' end
        {%- for left_column, right_column in [(a ~ ".phone_key", b ~ ".phone_key"), (x, y)] %}
            when
                length({{ left_column }}) = length({{ right_column }})
                and left({{ left_column }}, 5) = left({{ right_column }}, 5)
                and (
                    {{ edit_distance(left_column, right_column) }} = 1
                    or ({{ edit_distance(left_column, right_column) }} = 2 and {{ same_letters(left_column, right_column) }})
                ) then 'similar'
        {%- endfor %}
        -- A landline and a mobile number contradict nothing.
        when {{ is_mobile_number(x) }} <> {{ is_mobile_number(y) }} then 'mixed'
        else 'other'
    end
{%- endmacro %}

{# Bands of an expected count: "0.03" says that 0.03 to 0.1 are to be expected by chance, "0" even fewer than the lowest. #}
{% macro chance_level(value, bounds) -%}
    case
        when {{ value }} is null then 'unknown'
        {%- for bound in bounds | reverse %}
            when {{ value }} >= {{ bound }} then '{{ bound }}'
        {%- endfor %}
        else '0'
    end
{%- endmacro %}

{#
    What the year of birth in an e-mail address (anna85@, anna1985@) says, against the other one's or the date of birth.
    agrees, contradicts, none.
#}
{% macro mailbox_year_level(a, b) -%}
    case
        when {{ a }}.mailbox_year in ({{ b }}.mailbox_year, {{ b }}.birth_year) or {{ b }}.mailbox_year = {{ a }}.birth_year
            then 'agrees'
        when
            {{ a }}.mailbox_year <> coalesce({{ b }}.mailbox_year, {{ b }}.birth_year)
            or {{ b }}.mailbox_year <> {{ a }}.birth_year then 'contradicts'
        else 'none'
    end
{%- endmacro %}
