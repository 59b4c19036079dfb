"""Contracts of the branch ERP's database tables (design §3)."""

from ingestion.contracts import Field, Table

CUSTOMER = Table(
    source="branch",
    name="customer",
    description="Customers of the branches, persons and companies",
    key=("customer_no",),
    replace_by=("customer_no",),
    fields=(
        Field("customer_no", required=True),
        Field("kind", allowed=("person", "company")),
        Field("salutation"),
        Field("title"),
        Field("first_name", personal=True),
        Field("last_name", personal=True),
        Field("name", personal=True, description="first and last name in one field"),
        Field("company_name"),
        Field("vat_id"),
        Field("birth_date", "date", personal=True),
        Field("street", personal=True),
        Field("house_no", personal=True),
        Field("postal_code"),
        Field("city"),
        Field("country"),
        Field("email", personal=True),
        Field("phone", personal=True),
        Field("mobile", personal=True),
        Field("branch_id"),
        Field("sales_rep_id"),
        Field("loyalty_card_no", aliases=("card_no",), personal=True),
        Field("created_at", "instant"),
        Field("updated_at", "instant"),
        Field("deleted_at", "instant"),
    ),
)

PRODUCT = Table(
    source="branch",
    name="product",
    description="Products with list price and unit cost",
    key=("product_no",),
    replace_by=(),
    optional=True,
    fields=(
        Field("product_no", required=True),
        Field("name"),
        Field("category"),
        Field("list_price", "decimal", minimum=0),
        Field("unit_cost", "decimal", minimum=0),
    ),
)

SALES_ORDER = Table(
    source="branch",
    name="sales_order",
    description="Orders written in the branches",
    key=("order_no",),
    replace_by=("order_no",),
    optional=True,
    fields=(
        Field("order_no", required=True),
        Field("customer_no"),
        Field("branch_id"),
        Field("sales_rep_id"),
        Field("ordered_at", "instant", required=True),
        Field("status"),
        Field("updated_at", "instant"),
    ),
)

SALES_ORDER_LINE = Table(
    source="branch",
    name="sales_order_line",
    description="Lines of the orders; returns have a negative quantity",
    key=("order_no", "line_no"),
    replace_by=("order_no",),
    optional=True,
    fields=(
        Field("order_no", required=True),
        Field("line_no", "integer", required=True),
        Field("product_no"),
        Field("quantity", "decimal", required=True),
        Field("net_amount", "decimal", required=True),
        Field("tax_amount", "decimal"),
        Field("discount_amount", "decimal", minimum=0),
        Field("unit_cost", "decimal", minimum=0),
    ),
)

BRANCH = Table(
    source="branch",
    name="branch",
    description="Branches",
    key=("branch_id",),
    replace_by=(),
    optional=True,
    fields=(
        Field("branch_id", required=True),
        Field("name"),
        Field("street"),
        Field("postal_code"),
        Field("city"),
    ),
)

SALES_REP = Table(
    source="branch",
    name="sales_rep",
    description="Sales representatives",
    key=("sales_rep_id",),
    replace_by=(),
    optional=True,
    fields=(
        Field("sales_rep_id", required=True),
        Field("name", personal=True),
        Field("email", personal=True),
    ),
)

TERRITORY = Table(
    source="branch",
    name="territory",
    description="Which sales representative is in charge of which area and product category",
    key=("postal_code_prefix", "product_category", "sales_rep_id"),
    replace_by=(),
    optional=True,
    fields=(
        Field("postal_code_prefix", required=True),
        Field("product_category"),
        Field("sales_rep_id", required=True),
    ),
)

VISIT = Table(
    source="branch",
    name="visit",
    description="Visits and calls of the sales representatives",
    key=("visit_id",),
    replace_by=(),
    optional=True,
    fields=(
        Field("visit_id", required=True),
        Field("customer_no"),
        Field("sales_rep_id"),
        Field("visited_at", "instant", required=True),
        Field("kind"),
        Field("outcome"),
        Field("note", personal=True),
    ),
)

SALES_TARGET = Table(
    source="branch",
    name="sales_target",
    description="Monthly targets of the sales representatives",
    key=("sales_rep_id", "month"),
    replace_by=(),
    optional=True,
    fields=(
        Field("sales_rep_id", required=True),
        Field("month", "date", required=True, description="first day of the month"),
        Field("revenue", "decimal"),
        Field("margin", "decimal"),
    ),
)

TABLES = (
    CUSTOMER, PRODUCT, SALES_ORDER, SALES_ORDER_LINE, BRANCH, SALES_REP, TERRITORY, VISIT, SALES_TARGET,
)  # fmt: skip
