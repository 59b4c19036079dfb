{# Identifiers that say who someone is, and the columns of comparable values that hold them. #}
{% macro identifier_columns() -%}
    {{ return([
        ("email", "email_key"),
        ("phone", "phone_key"),
        ("phone", "mobile_key"),
        ("card", "card_key"),
        ("vat_id", "vat_key"),
        ("birth_date", "birth_key"),
    ]) }}
{%- endmacro %}
