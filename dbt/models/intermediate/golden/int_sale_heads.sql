{% set company_currency = var("company_currency") %}
with heads as (
    select
        'shop' as channel,
        receipt_id as source_record_id,
        sold_at,
        location_id,
        cashier_id as sales_rep_id,
        receipt_type as status,
        cast(null as {{ dbt.type_string() }}) as currency,
        card_no as customer_reference,
        card_no,
        cast(null as {{ dbt.type_string() }}) as record_id,
        false as is_cancelled,
        is_reversal
    from {{ ref("stg_shop__receipts") }}
    where is_sale
    union all
    select
        'branch' as channel,
        order_no as source_record_id,
        ordered_at as sold_at,
        branch_id as location_id,
        sales_rep_id,
        status,
        cast(null as {{ dbt.type_string() }}) as currency,
        customer_no as customer_reference,
        cast(null as {{ dbt.type_string() }}) as card_no,
        'branch:' || customer_no as record_id,
        {{ is_cancelled_status("status") }} as is_cancelled,
        false as is_reversal
    from {{ ref("stg_branch__orders") }}
    union all
    select
        'webshop' as channel,
        order_id as source_record_id,
        ordered_at as sold_at,
        cast(null as {{ dbt.type_string() }}) as location_id,
        cast(null as {{ dbt.type_string() }}) as sales_rep_id,
        status,
        currency,
        webshop_customer_id as customer_reference,
        cast(null as {{ dbt.type_string() }}) as card_no,
        'webshop:' || webshop_customer_id as record_id,
        {{ is_cancelled_status("status") }} as is_cancelled,
        false as is_reversal
    from {{ ref("stg_webshop__orders") }}
),

-- Orders that are marked as returned though nothing in them takes the goods back.
returned_as_a_whole as (
    select
        'branch' as channel,
        orders.order_no as source_record_id
    from {{ ref("stg_branch__orders") }} as orders
    inner join {{ ref("stg_branch__order_lines") }} as lines on orders.order_no = lines.order_no
    where {{ is_returned_status("orders.status") }}
    group by orders.order_no
    having sum(lines.net_amount) > 0
    union all
    select
        'webshop' as channel,
        orders.order_id as source_record_id
    from {{ ref("stg_webshop__orders") }} as orders
    inner join {{ ref("stg_webshop__order_lines") }} as lines on orders.order_id = lines.order_id
    where {{ is_returned_status("orders.status") }}
    group by orders.order_id
    having sum(lines.net_amount) > 0
)

select
    concat(heads.channel, ':', heads.source_record_id) as sale_id,
    heads.channel,
    heads.source_record_id,
    heads.customer_reference,
    coalesce(assignment.customer_id, card_holders.customer_id) as customer_id,
    heads.sold_at,
    heads.location_id,
    heads.sales_rep_id,
    heads.status,
    coalesce(heads.currency, nullif('{{ company_currency or "" }}', '')) as currency,
    heads.is_cancelled or returned_as_a_whole.source_record_id is not null as is_cancelled,
    heads.is_reversal,
    -- There are no exchange rates here, so an order in another currency is kept and left out of all sums.
    not heads.is_cancelled
    and returned_as_a_whole.source_record_id is null
    {%- if company_currency is not none %}
        and coalesce(heads.currency, '{{ company_currency }}') = '{{ company_currency }}'
    {%- endif %} as is_turnover
from heads
left join {{ source("identity", "identity_assignment") }} as assignment on heads.record_id = assignment.record_id
left join {{ ref("int_card_holders") }} as card_holders on heads.card_no = card_holders.card_no
left join returned_as_a_whole
    on
        heads.channel = returned_as_a_whole.channel
        and heads.source_record_id = returned_as_a_whole.source_record_id
