select
    scores.customer_id,
    scores.recommendation_rank,
    scores.product_no,
    products.product_name,
    products.category,
    scores.kind,
    scores.score,
    scores.as_of_date,
    scores.model_version
from {{ source("ml", "recommendation") }} as scores
inner join {{ ref("customer") }} as customers on scores.customer_id = customers.customer_id
left join {{ ref("int_sold_products") }} as products on scores.product_no = products.product_no
