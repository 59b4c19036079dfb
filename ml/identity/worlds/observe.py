"""How one source system writes people and companies down at a time, before anybody makes a mistake."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.identity.worlds.columns import Flags, Ints, Text, at, digits, glue, if_, known, weighted
from ml.identity.worlds.companies import Companies, said_otherwise
from ml.identity.worlds.lists import COUNTRIES, Lists
from ml.identity.worlds.people import YEARS, People
from ml.identity.worlds.places import Places
from ml.identity.worlds.reach import Reach
from ml.identity.worlds.settings import SourceSettings, WorldSettings

PARTICLES = ("von", "zu", "van der", "de", "von und zu", "von der")
_CODES = ("49", "43", "41")


@dataclass(frozen=True)
class Truth:
    """All that is true in a world; rows are persons, then companies."""

    lists: Lists
    people: People
    places: Places
    reach: Reach
    companies: Companies
    employer: Ints
    """Row of the company for which a person works, -1 for most."""
    contact_of: Ints
    """Somebody else of the household, or oneself."""
    card_of: Ints
    """Whose loyalty card one uses: one's own or that of the head of the household."""


@dataclass
class Sheet:
    """Records of one system in columns, and what was special about each."""

    columns: dict[str, Text]
    birth_date: np.ndarray
    is_company: Flags
    traits: dict[str, Flags] = field(default_factory=dict)


def observe(
    truth: Truth,
    settings: WorldSettings,
    source: SourceSettings,
    rng: np.random.Generator,
    who: Ints,
    when: np.ndarray,
) -> tuple[Sheet, np.ndarray]:
    """Writes the rows `who` down at the times `when`; also returns when the record was last changed."""
    n = len(who)
    people, places = truth.people, truth.places
    company = who >= people.size
    # The person behind the record: of a company the one who speaks for it.
    person = np.where(
        company, truth.companies.contact[np.maximum(who - people.size, 0)] if company.any() else 0, who
    )
    told = [rng.random(n) >= settings.outdated for _ in range(3)]
    at_home, named, called = (np.where(t, YEARS, when) for t in told)
    sheet = Sheet({}, people.birth_date[person].copy(), company)
    sheet.birth_date[company] = np.datetime64("NaT")

    renamed = people.renamed[person] <= named
    sheet.traits["birth_name"] = (
        (people.renamed[person] > named) & (people.renamed[person] < YEARS) & ~company
    )
    _names(truth, settings, source, rng, sheet, person, renamed)
    slot = places.slot(who, at_home)
    sheet.traits["old_address"] = (slot < places.slot(who, np.full(n, YEARS))) & ~company
    _address(truth, source, rng, sheet, who, slot)
    _phones(truth, settings, source, rng, sheet, who, slot, called)
    _emails(truth, settings, source, rng, sheet, who, person)
    _company_fields(truth, settings, source, rng, sheet, who)
    changes = [when]
    for happened, seen in (
        (people.renamed[person], told[1]),
        (places.since[1][who], told[0]),
        (places.since[2][who], told[0]),
    ):
        changes.append(np.where(seen & (happened > when) & (happened < YEARS), happened, when))
    return sheet, np.minimum(np.max(changes, axis=0) + 0.02, YEARS)


def _names(
    truth: Truth, settings: WorldSettings, source: SourceSettings, rng: np.random.Generator, sheet: Sheet,
    person: Ints, renamed: Flags,
) -> None:  # fmt: skip
    people, lists, n = truth.people, truth.lists, len(person)
    first, second = at(lists.given, people.given[person]), at(lists.given, people.second_given[person])
    style = weighted(rng, [50, 14, 10, 14, 4, 8], n)
    middle = glue(first, " ", pc.utf8_slice_codeunits(second, 0, 1), ".")
    written = pc.choose(
        pa.array(style), first, glue(first, " ", second), glue(first, "-", second), first, second, middle
    )
    first = pc.coalesce(written, first)
    sheet.traits["second_given_name"] = known(second) & np.isin(style, [1, 2, 4, 5])

    row = np.where(renamed, people.surname[1][person], people.surname[0][person])
    joined = np.where(renamed, people.joined_surname[1][person], people.joined_surname[0][person])
    last, other = at(lists.surname, row), at(lists.surname, joined)
    style = weighted(rng, [74, 8, 8, 10], n)
    double = pc.choose(
        pa.array(style), glue(last, "-", other), glue(last, " ", other), last, glue(other, "-", last)
    )
    last = pc.coalesce(double, last)
    particle = at(pa.array(PARTICLES), people.particle[person] - 1)
    style = weighted(rng, [62, 14, 24], n)
    noble = pc.choose(
        pa.array(style),
        glue(particle, " ", last),
        glue(pc.replace_substring(particle, "von", "v."), " ", last),
        last,
    )
    last = pc.coalesce(noble, last)
    salutation = if_(people.is_male[person], "Herr", "Frau")
    title = np.where(rng.random(n) < settings.title_told, people.title[person], 0)
    titles = at(pa.array(["Dr.", "Prof. Dr."]), title - 1)
    # Where there is no field for it, the title comes before one of the names.
    inside = rng.random(n) < (0.3 if source.system == "branch" else 0.75)
    first = if_(inside, pc.coalesce(glue(titles, " ", first), first), first)
    has_fields = source.system in ("branch", "webshop")
    no_name = rng.random(n) < source.missing_name
    sheet.columns["salutation"] = if_((rng.random(n) < 0.85) & has_fields, salutation, None)
    sheet.columns["title"] = if_(~inside & has_fields, titles, None)
    sheet.columns["first_name"] = if_(no_name | (rng.random(n) < source.missing_first_name), None, first)
    sheet.columns["last_name"] = if_(no_name, None, last)


def _address(
    truth: Truth, source: SourceSettings, rng: np.random.Generator, sheet: Sheet, who: Ints, slot: Ints
) -> None:
    places, lists, n = truth.places, truth.lists, len(who)
    row = places.address_of(who, slot)
    town = places.town[row]
    country = lists.town_country[town]
    letter = at(pa.array(list("abcd")), places.letter[row] - 1)
    number = digits(places.house[row])
    blank = if_(rng.random(n) < 0.3, " ", "")
    letter = if_(rng.random(n) < 0.15, pc.utf8_upper(letter), letter)
    house = pc.coalesce(glue(number, blank, letter), number)
    # In Austria the number of the flat is part of the address.
    door = if_(
        (country == 1) & (places.door[row] > 0) & (rng.random(n) < 0.6),
        glue("/", digits(places.door[row])),
        "",
    )
    none = rng.random(n) < source.missing_address
    no_street = none | (rng.random(n) < source.missing_street)
    c = sheet.columns
    c["street"] = if_(no_street, None, at(lists.street, np.asarray(places.street[row])))
    c["house_no"] = if_(no_street, None, glue(house, door))
    c["postal_code"] = if_(none, None, at(lists.postal_code, town))
    c["city"] = if_(none | (rng.random(n) < 0.02), None, at(lists.town, town))
    told = {"branch": 0.95, "webshop": 1.0}.get(source.system, 0.6)
    c["country"] = if_(none | (rng.random(n) >= told), None, at(pa.array(COUNTRIES), country))


def _phones(
    truth: Truth, settings: WorldSettings, source: SourceSettings, rng: np.random.Generator, sheet: Sheet,
    who: Ints, slot: Ints, called: np.ndarray,
) -> None:  # fmt: skip
    reach, n = truth.reach, len(who)
    theirs = np.where(rng.random(n) < settings.partners_contact, truth.contact_of[who], who)
    number = np.where(reach.new_mobile[theirs] <= called, reach.mobile[1][theirs], reach.mobile[0][theirs])
    home = truth.lists.town_country[truth.places.town[truth.places.address[0][theirs]]]
    mobile = phone_text(rng, home, at(reach.mobile_prefix, theirs), digits(number))
    lines = np.choose(slot, [line[who] for line in reach.landline])
    town = truth.places.town[truth.places.address_of(who, slot)]
    line = if_(lines >= 0, digits(lines), None)
    landline = phone_text(rng, truth.lists.town_country[town], at(truth.lists.area_code, town), line)
    c = sheet.columns
    prefers = rng.random(n) < np.where(
        sheet.is_company, 0.15, {"branch": 0.2, "shop": 0.5}.get(source.system, 0.7)
    )
    one = if_(prefers, pc.coalesce(mobile, landline), pc.coalesce(landline, mobile))
    two_fields = source.missing_mobile < 1
    c["phone"] = if_(rng.random(n) < source.missing_phone, None, landline if two_fields else one)
    c["mobile"] = if_(rng.random(n) < source.missing_mobile, None, mobile)
    sheet.traits["others_contact"] = theirs != who


def phone_text(rng: np.random.Generator, country: Ints, prefix: Text, number: Text) -> Text:
    """A number in one of the ways in which people write theirs."""
    code = at(pa.array(_CODES), country)
    pairs = pc.replace_substring_regex(number, r"(\d{2})", r"\1 ")
    style = weighted(rng, [22, 16, 12, 10, 10, 8, 8, 6, 4, 4], len(number))
    return pc.choose(
        pa.array(style),
        glue("0", prefix, number),
        glue("0", prefix, "/", number),
        glue("0", prefix, " ", number),
        glue("+", code, prefix, number),
        glue("+", code, " ", prefix, " ", number),
        glue("00", code, prefix, number),
        glue("0", prefix, "-", number),
        pc.utf8_trim_whitespace(glue("0", prefix, " / ", pairs)),
        glue("+", code, " (0)", prefix, " ", number),
        glue("(0", prefix, ") ", number),
    )


def _emails(
    truth: Truth, settings: WorldSettings, source: SourceSettings, rng: np.random.Generator, sheet: Sheet,
    who: Ints, person: Ints,
) -> None:  # fmt: skip
    reach, n = truth.reach, len(who)
    first, second = at(reach.email[0], who), at(reach.email[1], who)
    family, work = at(reach.family_email, who), at(reach.work_email, who)

    def instead(values: Text, mask: Flags, other: Text, trait: str) -> Text:
        chosen = mask & known(other)
        sheet.traits[trait] = chosen
        return if_(chosen, other, values)

    email = instead(first, rng.random(n) < source.second_email, second, "second_email")
    email = instead(email, rng.random(n) < settings.family_email_use, family, "family_email")
    email = instead(email, rng.random(n) < source.work_contact, work, "work_email")
    # Some companies are known by the private address of whom they send.
    own = sheet.is_company & (rng.random(n) < 0.25)
    email = if_(own, pc.coalesce(at(reach.email[0], person), email), email)
    theirs = np.where(sheet.is_company, person, truth.contact_of[who])
    borrowed = (rng.random(n) < settings.partners_contact) & (theirs != who) & ~sheet.is_company
    email = instead(email, borrowed, at(reach.email[0], theirs), "others_email")
    if source.missing_email == 0:
        # Who has no address of the own takes another's of the house, or opens one for this.
        made = glue(truth_mailbox(truth, person), digits(who % 100_003), "@gmx.net")
        email = pc.coalesce(email, family, at(reach.email[0], theirs), made)
    # Who gives no name gives an address: a newsletter.
    none = (rng.random(n) < source.missing_email) & (
        known(sheet.columns["last_name"]) | (source.missing_email == 1)
    )
    sheet.columns["email"] = if_(none, None, email)
    for trait in ("second_email", "family_email", "work_email", "others_email"):
        sheet.traits[trait] &= known(sheet.columns["email"])


def truth_mailbox(truth: Truth, person: Ints) -> Text:
    """The given name as it stands in an e-mail address."""
    return at(truth.lists.given_mailbox, truth.people.given[person])


def _company_fields(
    truth: Truth,
    settings: WorldSettings,
    source: SourceSettings,
    rng: np.random.Generator,
    sheet: Sheet,
    who: Ints,
) -> None:
    people, companies, c, n = truth.people, truth.companies, sheet.columns, len(who)
    row = np.where(sheet.is_company, who - people.size, -1)
    name = at(companies.name, row)
    other = said_otherwise(rng, name, at(companies.core, row))
    name = if_(rng.random(n) < 0.35, other, name)
    asks = {"leads": settings.employer_named, "webshop": 0.1 * settings.employer_named}.get(
        source.system, 0.0
    )
    employer = np.where(sheet.is_company, -1, truth.employer[np.minimum(who, people.size - 1)])
    employer = np.where(rng.random(n) < asks, employer, -1)
    if source.system == "shop":
        # The form has no field for companies: the name of the company stands where names stand.
        c["last_name"] = pc.coalesce(name, c["last_name"])
        c["first_name"] = if_(sheet.is_company, None, c["first_name"])
        name = pa.nulls(n, pa.string())
    c["company_name"] = pc.coalesce(name, at(companies.core, employer))
    # A lead with a name is that person; a company's own lead names none.
    silent = {"branch": 0.4, "leads": 1.0}.get(source.system, 0.0)
    no_contact = sheet.is_company & (rng.random(n) < silent)
    c["first_name"], c["last_name"] = (
        if_(no_contact, None, c["first_name"]),
        if_(no_contact, None, c["last_name"]),
    )
    vat = {"branch": 0.75, "webshop": 0.65}.get(source.system, 0.0)
    c["vat_id"] = if_(rng.random(n) < vat, at(companies.vat_id, row), None)
