{# What the models of survivorship share: the fields of each group, and how strategies become sort keys. #}

{# Group → the attributes of `customer` that move together. #}
{% macro golden_fields() -%}
    {{ return({
        "name": ["salutation", "title", "first_name", "last_name"],
        "company_name": ["company_name"],
        "vat_id": ["vat_id"],
        "birth_date": ["birth_date"],
        "email": ["email"],
        "phone": ["phone"],
        "address": ["street", "house_no", "postal_code", "city", "country"],
        "branch_id": ["branch_id"],
        "sales_rep_id": ["sales_rep_id"],
    }) }}
{%- endmacro %}

{# How many of the columns are filled. #}
{% macro filled_count(columns) -%}
    {% for column in columns -%}
        case when {{ column }} is null then 0 else 1 end{{ " + " if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# What a strategy says of a candidate: a number, the higher the better, null where it says nothing. #}
{% macro strategy_score(strategy) -%}
    case {{ strategy }}
        when 'source_priority' then -source_rank
        when 'most_recent' then {{ epoch_microseconds("observed_at") }}
        when 'most_frequent' then same_value_count
        when 'most_complete' then filled_count
        when 'longest' then length(group_value)
    end
{%- endmacro %}

{# Microseconds since 1970 of a timestamp. #}
{% macro epoch_microseconds(value) -%}
    {{ return(adapter.dispatch("epoch_microseconds")(value)) }}
{%- endmacro %}

{% macro duckdb__epoch_microseconds(value) -%}
    epoch_us({{ value }})
{%- endmacro %}

{% macro default__epoch_microseconds(value) -%}
    unix_micros({{ value }})
{%- endmacro %}

{# The value in the row with the lowest order, among rows where it is not null. The order has no ties. #}
{% macro value_of_lowest(value, ordering) -%}
    {{ return(adapter.dispatch("value_of_lowest")(value, ordering)) }}
{%- endmacro %}

{% macro duckdb__value_of_lowest(value, ordering) -%}
    arg_min({{ value }}, {{ ordering }})
{%- endmacro %}

{% macro default__value_of_lowest(value, ordering) -%}
    min_by({{ value }}, {{ ordering }}) filter (where {{ value }} is not null)
{%- endmacro %}
