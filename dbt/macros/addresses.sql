{# A house number may stand at the end of the street: "Lange Str. 12 a". A number field of its own wins. #}

{% macro house_no_of(street, house_no) -%}
    coalesce(
        {{ clean_text(house_no) }},
        {{ clean_text(regexp_group(street, house_no_pattern(), 2)) }}
    )
{%- endmacro %}

{% macro street_of(street, house_no) -%}
    {{ clean_text(
        "case when " ~ clean_text(house_no) ~ " is null and " ~ regexp_contains(street, house_no_pattern())
        ~ " then " ~ regexp_group(street, house_no_pattern(), 1) ~ " else " ~ street ~ " end"
    ) }}
{%- endmacro %}

{# Street, then a number with a letter or a range: "12", "12 a", "3-5", "7/2", "14b-c". #}
{% macro house_no_pattern() -%}
    {{ return("^(.*[^0-9 ,]),? +([0-9]+ ?[a-zA-Z]?(?: ?[-/+] ?[0-9]*[a-zA-Z]?)*) *$") }}
{%- endmacro %}

{# ISO code of the countries a retailer here meets; another country stays as it is written, in capitals. #}
{% macro country_code(country) -%}
    case
        when {{ clean_text(country) }} is null then null
        when upper(trim({{ country }})) in ('D', 'DE', 'DEU', 'GER', 'GERMANY', 'DEUTSCHLAND', 'BRD') then 'DE'
        when upper(trim({{ country }})) in ('A', 'AT', 'AUT', 'AUSTRIA', 'ÖSTERREICH', 'OESTERREICH') then 'AT'
        when upper(trim({{ country }})) in ('CH', 'CHE', 'SWITZERLAND', 'SCHWEIZ', 'SUISSE', 'SVIZZERA') then 'CH'
        else upper(trim({{ country }}))
    end
{%- endmacro %}

{# Comparable street: "Lange Straße", "Lange-Str.", "LANGESTR" → "langestr". #}
{% macro street_key(street) -%}
    nullif(
        left(replace({{ regexp_replace_all(fold_text(repair_mojibake("left(" ~ street ~ ", 120)")), "[^a-z0-9]+", "") }}, 'strasse', 'str'), 60), ''
    )
{%- endmacro %}

{# Comparable house number: "12 A" → "12a". #}
{% macro house_no_key(house_no) -%}
    nullif({{ regexp_replace_all(fold_text(house_no), "[^a-z0-9]+", "") }}, '')
{%- endmacro %}

{#
    Comparable postal code: digits and letters only, without a country prefix ("D-80331"). A German one of four digits
    has lost its leading zero in a spreadsheet.
#}
{% macro postal_code_key(postal_code, country=none) -%}
    {%- set plain = regexp_replace_all(
        regexp_replace_all("upper(" ~ postal_code ~ ")", "^ *(D|DE|A|AT|CH)[- ]+", ""), "[^A-Z0-9]+", ""
    ) -%}
    {%- if country is none -%}
        nullif({{ plain }}, '')
    {%- else -%}
        case
            when {{ regexp_contains(postal_code, "^[0-9]{5}$") }} then {{ postal_code }}
            when {{ country }} = 'DE' and {{ regexp_contains(plain, "^[1-9][0-9]{3}$") }} then '0' || {{ plain }}
            else nullif({{ plain }}, '')
        end
    {%- endif -%}
{%- endmacro %}

{# Comparable city: first folded word of three letters or more ("Frankfurt am Main", "Frankfurt/M." → "frankfurt"). #}
{% macro city_key(city) -%}
    nullif({{ regexp_group(
        regexp_replace_all(fold_text(repair_mojibake("left(" ~ city ~ ", 80)")), "([aou])e", "\\1"),
        "((?:(?:bad|sankt|st) )?[a-z]{3,})", 1
    ) }}, '')
{%- endmacro %}
