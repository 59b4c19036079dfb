"""Contracts of the webshop, the same for every platform (design §3)."""

from ingestion.contracts import Field, Table

CUSTOMERS = Table(
    source="webshop",
    name="customers",
    description="Accounts and guest checkouts of the webshop",
    key=("customer_id",),
    replace_by=("customer_id",),
    optional=True,
    fields=(
        Field("customer_id", required=True),
        Field("email", personal=True),
        Field("salutation"),
        Field("title"),
        Field("first_name", personal=True),
        Field("last_name", personal=True),
        Field("name", personal=True, description="first and last name in one field"),
        Field("company", aliases=("company_name",)),
        Field("vat_id"),
        Field("street", personal=True),
        Field("house_no", personal=True),
        Field("postal_code"),
        Field("city"),
        Field("country"),
        Field("phone", personal=True),
        Field("birth_date", "date", personal=True),
        Field("loyalty_card_no", aliases=("card_no",), personal=True),
        Field("is_guest", "boolean"),
        Field("newsletter", "boolean", description="newsletter consent, where the platform tells it"),
        Field("created_at", "instant"),
        Field("updated_at", "instant"),
    ),
)

ORDERS = Table(
    source="webshop",
    name="orders",
    description="Orders of the webshop",
    key=("order_id",),
    replace_by=("order_id",),
    fields=(
        Field("order_id", required=True),
        Field("order_number"),
        Field("customer_id"),
        Field("ordered_at", "instant", required=True),
        Field("status"),
        Field("currency"),
        Field("updated_at", "instant"),
    ),
)

ORDER_LINES = Table(
    source="webshop",
    name="order_lines",
    description="Lines of the webshop's orders; returns have a negative quantity",
    key=("order_id", "line_no"),
    replace_by=("order_id",),
    fields=(
        Field("order_id", required=True),
        Field("line_no", "integer", required=True),
        Field("product_no"),
        Field("product_name"),
        Field("category"),
        Field("quantity", "decimal", required=True),
        Field("net_amount", "decimal", required=True),
        Field("tax_amount", "decimal"),
        Field("discount_amount", "decimal", minimum=0),
        Field("unit_cost", "decimal", minimum=0),
    ),
)

PRODUCTS = Table(
    source="webshop",
    name="products",
    description="Products of the webshop",
    key=("product_no",),
    replace_by=("product_no",),
    optional=True,
    fields=(
        Field("product_no", required=True),
        Field("name"),
        Field("category"),
        Field("list_price", "decimal", minimum=0),
        Field("unit_cost", "decimal", minimum=0),
        Field("updated_at", "instant"),
    ),
)

TABLES = (CUSTOMERS, ORDERS, ORDER_LINES, PRODUCTS)
