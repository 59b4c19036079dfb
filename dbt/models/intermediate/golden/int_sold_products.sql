-- Name and category of everything that was ever sold or is in a catalogue: a webshop's export may have no catalogue.
with sold as (
    select
        product_no,
        {{ max_value_by("product_name", "sold_at") }} as product_name,
        {{ max_value_by("category", "sold_at") }} as category
    from {{ ref("int_sale_lines") }}
    where product_no is not null and line_kind = 'goods'
    group by product_no
)

select
    coalesce(products.product_no, sold.product_no) as product_no,
    coalesce(products.product_name, sold.product_name) as product_name,
    coalesce(products.category, sold.category) as category
from {{ ref("int_products") }} as products
full outer join sold on products.product_no = sold.product_no
