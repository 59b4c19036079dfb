/*
Rules that need more than one table, so that no check at the border can see them. All only warn: the row is kept,
without what it refers to.
*/
with results as (
    {% for source_name, table_name in [
        ("branch", "sales_order"), ("webshop", "orders"), ("shop", "transactions")
    ] %}
        select
            '{{ source_name }}' as source,
            '{{ table_name }}' as table_name,
            'customer_is_known' as rule,
            count(*) as checked,
            count(case when customer_id is null then 1 end) as failed
        from {{ ref("int_sale_heads") }}
        where channel = '{{ source_name }}' and customer_reference is not null
        union all
    {% endfor %}
    {% for source_name, table_name in [
        ("branch", "sales_order_line"), ("webshop", "order_lines"), ("shop", "lines")
    ] %}
        select
            '{{ source_name }}' as source,
            '{{ table_name }}' as table_name,
            'cost_is_known' as rule,
            count(*) as checked,
            count(case when cost_amount is null or cost_is_estimated then 1 end) as failed
        from {{ ref("int_sale_lines") }}
        where channel = '{{ source_name }}' and line_kind = 'goods'
        union all
    {% endfor %}
    select
        'branch' as source,
        'sales_order_line' as table_name,
        'order_exists' as rule,
        count(*) as checked,
        count(case when orders.order_no is null then 1 end) as failed
    from {{ ref("stg_branch__order_lines") }} as lines
    left join {{ ref("stg_branch__orders") }} as orders on lines.order_no = orders.order_no
    union all
    select
        'webshop' as source,
        'order_lines' as table_name,
        'order_exists' as rule,
        count(*) as checked,
        count(case when orders.order_id is null then 1 end) as failed
    from {{ ref("stg_webshop__order_lines") }} as lines
    left join {{ ref("stg_webshop__orders") }} as orders on lines.order_id = orders.order_id
    union all
    select
        'shop' as source,
        'lines' as table_name,
        'receipt_exists' as rule,
        count(*) as checked,
        count(case when receipts.receipt_id is null then 1 end) as failed
    from {{ newest_closings("shop__lines") }} as lines
    left join {{ ref("stg_shop__receipts") }} as receipts on {{ receipt_id("lines") }} = receipts.receipt_id
    union all
    select
        'shop' as source,
        'lines' as table_name,
        'amount_exists' as rule,
        count(*) as checked,
        count(case when net_amount is null then 1 end) as failed
    from {{ ref("int_sale_lines") }}
    where channel = 'shop'
    union all
    select
        'shop' as source,
        'lines' as table_name,
        'gv_typ_is_known' as rule,
        count(*) as checked,
        count(case when line_kind = 'other' then 1 end) as failed
    from {{ ref("int_sale_lines") }}
    where channel = 'shop'
    union all
    -- A positive reversal takes back a return, which is rare; often it is a till that writes it without a sign.
    select
        'shop' as source,
        'transactions' as table_name,
        'reversal_is_negative' as rule,
        count(*) as checked,
        count(case when gross_amount > 0 then 1 end) as failed
    from {{ ref("stg_shop__receipts") }}
    where is_reversal
    union all
    select
        'webshop' as source,
        'orders' as table_name,
        'currency_is_the_companys' as rule,
        count(*) as checked,
        count(case when not is_turnover then 1 end) as failed
    from {{ ref("int_sale_heads") }}
    where channel = 'webshop' and not is_cancelled
    union all
    select
        'touchpoints' as source,
        case when kind like 'mail_%' then 'mail_events' when kind like 'survey_%' then 'surveys' else 'tickets' end
            as table_name,
        'customer_is_known' as rule,
        count(*) as checked,
        count(case when customer_id is null then 1 end) as failed
    from {{ ref("int_touchpoints") }}
    where source_system = 'touchpoints' and kind not like 'web_%'
    group by 2
)

select
    source,
    table_name,
    rule,
    case
        when rule in ('cost_is_known', 'amount_exists') then 'completeness'
        when rule in ('gv_typ_is_known', 'reversal_is_negative', 'currency_is_the_companys') then 'validity'
        else 'consistency'
    end as dimension,
    checked,
    failed
from results
where checked > 0
