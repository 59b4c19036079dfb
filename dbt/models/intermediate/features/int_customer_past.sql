-- Sums over the past of each snapshot, one pass for each: time grows with customers x snapshots, memory with customers.
{{ config(materialized="view") }}
{% set windows = {
    28: ["purchase_days", "net_amount", "margin_amount"],
    91: [
        "purchase_days", "purchase_weeks", "net_amount", "margin_amount", "mails_sent", "mail_opens", "mail_clicks",
        "web_visits",
    ],
    182: ["net_amount"],
    365: [
        "purchase_days", "net_amount", "margin_amount", "return_amount", "discount_amount", "item_quantity", "shop_days",
        "branch_days", "webshop_days", "tickets", "complaints", "visits", "nps_answers", "nps_points", "csat_answers",
        "csat_points",
    ],
} %}
{% for day in feature_dates() %}
    select
        customer_id,
        cast('{{ day }}' as date) as snapshot_date,
        min(case when purchase_days > 0 then activity_date end) as first_purchase_date,
        max(case when purchase_days > 0 then activity_date end) as last_purchase_date,
        {% for measure in [
            "purchase_days", "net_amount", "margin_amount", "margin_days", "return_amount", "new_channels",
            "new_categories", "email_grants", "email_withdrawals",
        ] -%}
            {{ sum_of_past(measure) }} as {{ measure }},
        {% endfor -%}
        {% for days, measures in windows.items() -%}
            {% for measure in measures -%}
                {{ sum_of_past(measure, days) }} as {{ measure }}_{{ days }},
            {% endfor -%}
        {% endfor -%}
        {{ lower_median("gap_days") }} as median_gap_days
    from (
        select
            *,
            {{ days_between("activity_date", "cast('" ~ day ~ "' as date)") }} as age -- noqa: LT05
        from {{ ref("int_customer_activity_days") }}
        where activity_date < cast('{{ day }}' as date)
    ) as days
    group by customer_id
    having max(case when purchase_days > 0 then 1 else 0 end) = 1
    {% if not loop.last %}union all{% endif %}
{% endfor %}
