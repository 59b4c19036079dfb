{# The sum of an expression here equals that of another expression in another model, to the cent. #}
{% test equal_total(model, expression, other_model, other_expression, condition="true", other_condition="true") %}
    with here as (
        select coalesce(sum({{ expression }}), 0) as total
        from {{ model }}
        where {{ condition }}
    ),

    there as (
        select coalesce(sum({{ other_expression }}), 0) as total
        from {{ other_model }}
        where {{ other_condition }}
    )

    select
        here.total,
        there.total as other_total
    from here
    cross join there
    where here.total <> there.total
{% endtest %}
