{# The column is the exact sum of the given terms in every row, e.g. terms: [net_amount, tax_amount]. #}
{% test equals_sum(model, column_name, terms) %}
    select
        {{ column_name }},
        {{ terms | join(", ") }}
    from {{ model }}
    where coalesce({{ column_name }}, 0) <> {% for term in terms %}coalesce({{ term }}, 0){{ " + " if not loop.last }}{% endfor %}
{% endtest %}
