{#
    The days whose features are computed, youngest first: those of the var `feature_dates`, or the day of the run and as
    many days before it as the var `feature_ages` says. Every one of them sees its own past only.
#}
{% macro feature_dates() -%}
    {%- set as_of = modules.datetime.date.fromisoformat(var("as_of") | string) -%}
    {%- set dates = [] -%}
    {%- if var("feature_dates") -%}
        {%- for day in var("feature_dates") %}{% do dates.append(modules.datetime.date.fromisoformat(day | string)) %}{% endfor -%}
    {%- else -%}
        {%- do dates.append(as_of) -%}
        {%- for age in var("feature_ages") if as_of.toordinal() > age -%}
            {%- do dates.append(as_of - modules.datetime.timedelta(days=age)) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- for day in dates if day > as_of -%}
        {{ exceptions.raise_compiler_error("feature_dates: " ~ day ~ " lies after the day of the run, " ~ as_of) }}
    {%- endfor -%}
    {{ return(dates | unique | sort(reverse=true) | list) }}
{%- endmacro %}

{# What is known of a customer's day: measures that may be added up over any days. #}
{% macro sale_measures() -%}
    {{ return([
        "purchase_days", "purchase_weeks", "net_amount", "margin_amount", "return_amount", "discount_amount",
        "item_quantity", "new_channels", "new_categories", "shop_days", "branch_days", "webshop_days",
    ]) }}
{%- endmacro %}

{% macro contact_measures() -%}
    {{ return([
        "tickets", "complaints", "mails_sent", "mail_opens", "mail_clicks", "visits", "web_visits", "nps_answers",
        "nps_points", "csat_answers", "csat_points", "email_grants", "email_withdrawals",
    ]) }}
{%- endmacro %}

{# Narrow types: sums of wide ones take several times as long. #}
{% macro as_measure(measure, value) -%}
    {%- if measure.endswith("_amount") or measure.endswith("_quantity") -%}
    {{ to_exact_amount(value) }}
    {%- else -%}
    cast({{ value }} as integer)
    {%- endif -%}
{%- endmacro %}

{# Sum of a measure over the days of the snapshot's past, or over its last so many days. #}
{% macro sum_of_past(measure, days=none) -%}
    {%- if days is none -%}
    coalesce(sum({{ measure }}), 0)
    {%- else -%}
    coalesce(sum(case when age <= {{ days }} then {{ measure }} end), 0)
    {%- endif -%}
{%- endmacro %}
