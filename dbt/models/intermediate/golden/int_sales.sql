with line_sums as (
    select
        sale_id,
        count(*) as line_count,
        sum(case when line_kind = 'goods' then quantity else 0 end) as item_quantity,
        sum(case when is_net then net_amount else 0 end) as net_amount,
        sum(case when is_net then tax_amount end) as tax_amount,
        count(case when is_net and tax_amount is null then 1 end) as untaxed_line_count,
        sum(case when is_net then discount_amount else 0 end) as discount_amount,
        sum(case when line_kind = 'deposit' then net_amount else 0 end) as deposit_amount,
        sum(case when line_kind = 'voucher' then net_amount else 0 end) as voucher_amount,
        sum(case when is_return then -net_amount else 0 end) as return_amount,
        sum(case when is_net then cost_amount end) as cost_amount,
        count(case when is_net and cost_amount is null then 1 end) as uncosted_line_count,
        count(case when cost_is_estimated then 1 end) as estimated_line_count,
        count(case when is_return then 1 end) as return_line_count,
        count(case when is_net and net_amount > 0 then 1 end) as positive_line_count
    from (
        select
            *,
            line_kind in ('goods', 'discount', 'surcharge') as is_net
        from {{ ref("int_sale_lines") }}
    ) as lines
    group by sale_id
),

complete as (
    select
        heads.*,
        coalesce(sums.line_count, 0) as line_count,
        coalesce(sums.item_quantity, 0) as item_quantity,
        coalesce(sums.net_amount, 0) as net_amount,
        case when sums.untaxed_line_count = 0 then coalesce(sums.tax_amount, 0) end as tax_amount,
        coalesce(sums.discount_amount, 0) as discount_amount,
        coalesce(sums.deposit_amount, 0) as deposit_amount,
        coalesce(sums.voucher_amount, 0) as voucher_amount,
        coalesce(sums.return_amount, 0) as return_amount,
        -- A cost that is known for some of the goods only would look like a margin that is too high.
        case when sums.uncosted_line_count = 0 then coalesce(sums.cost_amount, 0) end as cost_amount,
        coalesce(sums.estimated_line_count, 0) > 0 as cost_is_estimated,
        coalesce(sums.return_line_count > 0 and sums.positive_line_count = 0, false) as is_return
    from {{ ref("int_sale_heads") }} as heads
    left join line_sums as sums on heads.sale_id = sums.sale_id
)

select
    sale_id,
    channel,
    source_record_id,
    customer_reference,
    customer_id,
    sold_at,
    location_id,
    sales_rep_id,
    status,
    currency,
    is_cancelled,
    is_reversal,
    is_return,
    is_turnover,
    {{ purchase_count_of_sale("is_turnover", "is_reversal", "net_amount") }} as purchase_count,
    line_count,
    cast(item_quantity as decimal(18, 4)) as item_quantity,
    {{ to_exact_amount("net_amount") }} as net_amount,
    {{ to_exact_amount("tax_amount") }} as tax_amount,
    {{ to_exact_amount("net_amount + tax_amount") }} as gross_amount,
    {{ to_exact_amount("discount_amount") }} as discount_amount,
    {{ to_exact_amount("deposit_amount") }} as deposit_amount,
    {{ to_exact_amount("voucher_amount") }} as voucher_amount,
    {{ to_exact_amount("return_amount") }} as return_amount,
    {{ to_exact_amount("cost_amount") }} as cost_amount,
    cost_is_estimated,
    {{ to_exact_amount("net_amount - cost_amount") }} as margin_amount
from complete
