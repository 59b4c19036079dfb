"""Contracts of the touchpoints: mail events, service tickets, surveys, web events (design §3)."""

from ingestion.contracts import Field, Table

# Events carry no key of their own: one is its content, so an event delivered twice is one event.
MAIL_EVENTS = Table(
    source="touchpoints",
    name="mail_events",
    description="What the mail tool reports of each message",
    key=("event", "email", "campaign_id", "ts"),
    replace_by=("event", "email", "campaign_id", "ts"),
    optional=True,
    fields=(
        Field(
            "event",
            required=True,
            allowed=(
                "sent", "delivered", "open", "click",
                "soft_bounce", "hard_bounce", "unsubscribe", "complaint",
            ),
        ),
        Field("email", required=True, personal=True),
        Field("campaign_id"),
        Field("campaign_name"),
        Field("ts", "instant", required=True),
    ),
)  # fmt: skip

TICKETS = Table(
    source="touchpoints",
    name="tickets",
    description="Service tickets",
    key=("ticket_id",),
    replace_by=("ticket_id",),
    optional=True,
    fields=(
        Field("ticket_id", required=True),
        Field("opened_at", "instant", required=True),
        Field("closed_at", "instant"),
        Field("channel"),
        Field("email", personal=True),
        Field("phone", personal=True),
        Field("customer_ref", personal=True),
        Field("topic"),
        Field("is_complaint", "boolean"),
        Field("satisfaction", "integer"),
    ),
)

SURVEYS = Table(
    source="touchpoints",
    name="surveys",
    description="Answers to surveys",
    key=("survey_id", "question"),
    replace_by=("survey_id", "question"),
    optional=True,
    fields=(
        Field("survey_id", required=True),
        Field("answered_at", "instant", required=True),
        Field("email", personal=True),
        Field("customer_ref", personal=True),
        Field("question", required=True, allowed=("nps", "csat")),
        Field("score", "integer", required=True, minimum=0),
        Field("comment", personal=True),
    ),
)

WEB_EVENTS = Table(
    source="touchpoints",
    name="web_events",
    description="Page views and other events on the website",
    key=("ts", "visitor_id", "event", "url", "product_no"),
    replace_by=("ts", "visitor_id", "event", "url", "product_no"),
    optional=True,
    fields=(
        Field("ts", "instant", required=True),
        Field("visitor_id", required=True, personal=True),
        Field("email", personal=True),
        Field("event", required=True),
        Field("product_no"),
        Field("url"),
    ),
)

TABLES = (MAIL_EVENTS, TICKETS, SURVEYS, WEB_EVENTS)
