with lines as (
    select
        concat('shop:', receipt_id) as sale_id,
        line_no,
        product_no,
        product_name,
        category,
        line_kind,
        is_reversal,
        quantity,
        net_amount,
        tax_amount,
        case when line_kind = 'discount' then -net_amount else 0 end as discount_amount,
        cast(null as decimal(18, 4)) as unit_cost_amount
    from {{ ref("stg_shop__receipt_lines") }}
    union all
    select
        concat('branch:', order_no) as sale_id,
        cast(line_no as {{ dbt.type_string() }}) as line_no,
        product_no,
        cast(null as {{ dbt.type_string() }}) as product_name,
        cast(null as {{ dbt.type_string() }}) as category,
        {{ line_kind_of_order_line("quantity", "net_amount") }} as line_kind,
        false as is_reversal,
        quantity,
        net_amount,
        tax_amount,
        {{ discount_of_order_line("quantity", "net_amount", "discount_amount") }} as discount_amount,
        unit_cost_amount
    from {{ ref("stg_branch__order_lines") }}
    union all
    select
        concat('webshop:', order_id) as sale_id,
        cast(line_no as {{ dbt.type_string() }}) as line_no,
        product_no,
        product_name,
        category,
        {{ line_kind_of_order_line("quantity", "net_amount") }} as line_kind,
        false as is_reversal,
        quantity,
        net_amount,
        tax_amount,
        {{ discount_of_order_line("quantity", "net_amount", "discount_amount") }} as discount_amount,
        unit_cost_amount
    from {{ ref("stg_webshop__order_lines") }}
),

costed as (
    select
        lines.sale_id,
        lines.line_no,
        heads.channel,
        heads.customer_id,
        heads.sold_at,
        lines.product_no,
        coalesce(lines.product_name, products.product_name) as product_name,
        coalesce(lines.category, products.category) as category,
        lines.line_kind,
        heads.is_turnover and lines.line_kind in ('goods', 'discount', 'surcharge') as is_turnover,
        heads.is_reversal or lines.is_reversal as is_reversal,
        lines.line_kind = 'goods' and lines.quantity < 0 and not (heads.is_reversal or lines.is_reversal) as is_return,
        lines.quantity,
        lines.net_amount,
        lines.tax_amount,
        lines.discount_amount,
        coalesce(lines.unit_cost_amount, products.unit_cost_amount) as unit_cost_amount
    from lines
    inner join {{ ref("int_sale_heads") }} as heads on lines.sale_id = heads.sale_id
    left join {{ ref("int_products") }} as products on lines.product_no = products.product_no
),

with_cost as (
    select
        *,
        {{ to_exact_amount(cost_of_line("line_kind", "quantity", "unit_cost_amount", "net_amount")) }} as cost_amount
    from costed
)

select
    concat(sale_id, ':', line_no) as sale_line_id,
    sale_id,
    line_no,
    channel,
    customer_id,
    sold_at,
    product_no,
    product_name,
    category,
    line_kind,
    is_turnover,
    is_return,
    is_reversal,
    quantity,
    {{ to_exact_amount(divide("net_amount", "quantity")) }} as unit_price_amount,
    net_amount,
    tax_amount,
    {{ to_exact_amount("net_amount + tax_amount") }} as gross_amount,
    {{ to_exact_amount("discount_amount") }} as discount_amount,
    cost_amount,
    line_kind = 'goods' and unit_cost_amount is null and cost_amount is not null as cost_is_estimated,
    {{ to_exact_amount("net_amount - cost_amount") }} as margin_amount
from with_cost
