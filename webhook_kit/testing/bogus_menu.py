"""The menu of the bogus POS: of real size, with catalogs by the time of day, nested modifiers and tiers.

A dish or option is a line: its id (from which its name is made), its base price, its modifier groups, ``from=`` and ``was=``
for startingAt and compareAt, and behind the bar a description. The items of the first three headings and their options stand
for themselves in many a test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from decimal import Decimal
from functools import cache
from typing import Any

from webhook_kit.catalog.build import simple_catalog
from webhook_kit.catalog.hours import always_open
from webhook_kit.gett.models.catalog import (
    AvailabilityWindow,
    DayOfWeek,
    DefaultItem,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
    Tier,
)

__all__ = ["OUTCOMES", "bogus_menu"]

OUTCOMES = (
    "out-of-stock",
    "payment-declined",
    "connection-refused",
    "times-out",
    "crashes",
    "nonsense",
    "reply-lost",
    "hangs",
    "pending",
    "other-price",
)
"""The items that decide what ``place_order`` does."""

# -- dishes ------------------------------------------------------------------------------------------------------------

_ALL_DAY = {
    "Food": """
        margherita 12.50 size toppings | Tomato, mozzarella and basil
        burger 9.95 doneness side extras | A quarter pound of beef, served with a side
        salad 7.33 | Leaves, seeds and a lemon dressing
    """,
    "Drinks": """
        cola 2.75
        espresso 1.95
        mint 0.10 | One peppermint
        water 0.00 | From the tap, with a slice of lemon
    """,
    "Outcomes": "\n".join(f"{id} 5.{number:02}" for number, id in enumerate(OUTCOMES)),
    "Pizza": """
        marinara 10.50 size toppings | Tomato, garlic and oregano; no cheese
        funghi 13.50 size toppings | Mushrooms, thyme and fontina
        diavola 14.25 size toppings | Hot salami and chili oil
        quattro-formaggi 14.75 size toppings | Mozzarella, gorgonzola, fontina and parmesan
        prosciutto 14.95 size toppings | Ham, rocket and parmesan
        verdure 13.75 size toppings | Grilled vegetables of the season
        tonno 14.50 size toppings | Tuna, red onions and capers
        calzone 13.95 toppings | Folded: ricotta, ham and spinach
        two-pizzas 21.00 pair from=21.00 was=25.00 | Any two small ones
    """,
    "Burgers": """
        cheeseburger 10.95 doneness side extras | With aged cheddar
        bacon-burger 11.75 doneness side extras | With smoked bacon and onion jam
        mushroom-burger 11.25 doneness side extras
        chicken-burger 10.45 side extras | Buttermilk fried chicken and slaw
        bean-burger 9.75 side extras | Black beans and sweetcorn
        burger-meal 13.95 doneness side meal-drink extras | A burger, a side and a drink
        kids-meal 7.95 kids-main meal-drink | For guests up to twelve
    """,
    "Chicken": """
        wings 0.00 wing-count wing-sauce from=7.20 | By the piece, at least six; from the thirteenth on they cost less
        tenders 8.95 wing-sauce
        half-chicken 11.50 side | From the spit
        whole-chicken 19.50 side was=21.50
    """,
    "Salads and soups": """
        caesar-salad 9.85 protein dressing | Romaine, croutons and parmesan
        greek-salad 9.25 protein dressing
        cobb-salad 11.45 dressing
        garden-salad 6.95 protein dressing
        tomato-soup 5.75 bread
        lentil-soup 5.95 bread
        clam-chowder 7.25 bread
        soup-and-salad 9.95 soup-choice dressing
    """,
    "Sides": """
        french-fries 3.95 dips
        sweet-potato-fries 4.75 dips
        onion-rings 4.50 dips
        cauliflower-bites 5.25 dips
        mac-and-cheese 5.95
        garlic-bread 4.25
        corn-on-the-cob 3.50
        mixed-pickles 2.95
    """,
    "Desserts": """
        tiramisu 6.50
        cheesecake 6.25 topping-sweet
        brownie 4.95 topping-sweet
        apple-pie 5.50 topping-sweet
        ice-cream 0.00 scoops topping-sweet from=2.50 | By the scoop
        fruit-bowl 5.25
    """,
    "Cold drinks": """
        lemonade 3.25 drink-size ice
        iced-tea 3.25 drink-size ice
        orange-juice 3.95 drink-size
        apple-juice 3.50 drink-size
        ginger-ale 2.95
        sparkling-water 2.50
        root-beer 2.95
        milkshake 5.75 shake-flavour
        smoothie 5.95 shake-flavour
    """,
    "Coffee and tea": """
        americano 2.65 drink-size milk
        cappuccino 3.65 drink-size milk syrup
        latte 3.95 drink-size milk syrup
        flat-white 3.75 milk syrup
        mocha 4.35 drink-size milk syrup
        cold-brew 3.95 drink-size milk syrup ice
        green-tea 2.85
        black-tea 2.85 milk
        herbal-tea 2.85
        hot-chocolate 3.95 drink-size milk
    """,
    "Grocery": """
        olive-oil 11.95 | 500 ml
        tomato-sauce 4.95 | 350 g
        pizza-dough 3.95 | Two balls, frozen
        coffee-beans 12.50 grind | 340 g, roasted this week
    """,
}
_BREAKFAST = {
    "Eggs": """
        two-eggs 6.95 egg-style toast
        omelette 9.25 omelette-filling toast
        eggs-benedict 11.25
        shakshuka 10.75 bread
        breakfast-burrito 9.50 salsa
        steak-and-eggs 16.95 doneness egg-style toast
    """,
    "From the griddle": """
        pancakes 8.25 topping-sweet
        waffles 8.75 topping-sweet
        french-toast 8.95 topping-sweet
    """,
    "Bakery": """
        croissant 2.95
        pain-au-chocolat 3.35
        cinnamon-roll 3.75
        muffin 3.25
        bagel 2.25 spread
        dozen-bagels 0.00 bagel-dozen from=21.00 | Twelve of five kinds, as you like them
    """,
    "Bowls": """
        granola 7.25 milk
        oatmeal 6.50 milk topping-sweet
        acai-bowl 9.95
    """,
}
_LUNCH = {
    "Lunch specials": """
        lunch-pizza 10.95 lunch-drink | A small margherita and a drink
        lunch-bowl 11.50 protein dressing
        soup-and-sandwich 10.25 soup-choice
        pasta-of-the-day 9.95 pasta
    """,
    "Sandwiches": """
        club-sandwich 10.50 bread side
        grilled-cheese 7.95 bread
        tuna-melt 9.25 bread
        veggie-wrap 8.95 dressing
        meatball-sub 9.95
        reuben 11.25 bread
    """,
}
_DINNER = {
    "Starters": """
        bruschetta 6.95
        calamari 10.50 dips
        burrata 12.25
        beef-carpaccio 13.50
    """,
    "Mains": """
        spaghetti 12.95 pasta-sauce
        lasagna 14.50
        mushroom-risotto 15.25
        grilled-salmon 19.95 side
        sea-bass 23.50 side
        ribeye 28.50 doneness side steak-sauce
        sirloin 24.50 doneness side steak-sauce
        pork-chops 18.95 side
        eggplant-parmesan 14.75
    """,
    "For the table": """
        family-deal 49.00 pair family-sides meal-drink from=49.00 was=58.00 | Two pizzas, two sides and a drink
        mixed-grill 54.00 doneness family-sides
    """,
}

# -- options and groups ------------------------------------------------------------------------------------------------

_OPTIONS = """
    small 0.00
    large 3.99
    basil 0.75
    olives 0.85
    ham 1.15
    rare 0.00
    medium 0.00
    well-done 0.00
    fries 0.00 dips
    coleslaw 0.65
    ketchup 0.20
    mayo 0.35
    bacon 1.49
    cheese 0.99
    pair-margherita 0.00 toppings
    pair-marinara 0.00 toppings
    pair-funghi 1.00 toppings
    pair-diavola 1.50 toppings
    meal-cola 0.00 drink-size ice
    meal-lemonade 0.40 drink-size ice
    meal-water 0.00 ice
    regular 0.00
    grande 0.90
    no-ice 0.00
    light-ice 0.00
    much-ice 0.00
    mini-burger 0.00 doneness
    mini-pizza 0.00
    kids-tenders 0.50
    wing 1.20
    buffalo 0.00
    barbecue 0.00
    honey-mustard 0.35
    grilled-chicken 3.50
    shrimp 4.75
    tofu 2.75
    vinaigrette 0.00
    ranch 0.00
    blue-cheese 0.50
    sourdough 0.00
    rye 0.00
    gluten-free 1.25
    tomato-cup 0.00
    lentil-cup 0.00
    scoop-vanilla 2.50
    scoop-chocolate 2.50
    scoop-pistachio 2.90
    chocolate-sauce 0.75
    berries 1.25
    whipped-cream 0.60
    strawberry 0.00
    banana 0.00
    mango 0.35
    whole-milk 0.00
    oat-milk 0.65
    almond-milk 0.65
    vanilla-syrup 0.50
    caramel-syrup 0.50
    hazelnut-syrup 0.55
    whole-beans 0.00
    ground-fine 0.00
    ground-coarse 0.00
    scrambled 0.00
    poached 0.00
    sunny-side-up 0.00
    mushrooms 0.95
    spinach 0.85
    peppers 0.75
    green-salsa 0.00
    red-salsa 0.00
    butter 0.00
    cream-cheese 1.10
    bagel-plain 1.75
    bagel-sesame 1.75
    bagel-onion 1.75
    bagel-poppy 1.75
    bagel-everything 1.85
    penne 0.00 pasta-sauce
    tagliatelle 0.75 pasta-sauce
    pesto 0.00
    arrabbiata 0.00 heat
    ragu 1.50
    mild 0.00
    hot 0.00
    pepper-sauce 1.75
    herb-butter 0.95
    family-fries 0.00 dips
    family-salad 0.00
    family-greens 1.00
"""

_TWICE: dict[str, Any] = {"enable_duplicate_items": True}
_ONE = 1, 1


def _name(id: str) -> str:
    return id.replace("-", " ").capitalize()


def _group(id: str, bounds: tuple[int, int], items: str, **more: Any) -> ExternalModifierGroup:
    least, most = bounds
    return ExternalModifierGroup(
        modifier_group_id=id,
        name=_name(id),
        item_ids=items.split(),
        minimum_allowed=least,
        maximum_allowed=most,
        **more,
    )


def _tiers(*prices: tuple[int, str]) -> list[Tier]:
    return [Tier(offset=offset, price=Decimal(price)) for offset, price in prices]


_GROUPS = [
    _group("size", _ONE, "small large"),
    _group("toppings", (0, 5), "basil olives ham", tiers=_tiers((0, "0.00"), (2, "1.25")), **_TWICE),
    _group("doneness", _ONE, "rare medium well-done", default_items=[DefaultItem(item_id="medium")]),
    _group("side", _ONE, "fries coleslaw"),
    _group("dips", (0, 3), "ketchup mayo", **_TWICE),
    _group("extras", (0, 2), "bacon cheese"),
    _group("pair", (2, 2), "pair-margherita pair-marinara pair-funghi pair-diavola", **_TWICE),
    _group("meal-drink", _ONE, "meal-cola meal-lemonade meal-water"),
    _group("drink-size", _ONE, "regular grande", default_items=[DefaultItem(item_id="regular")]),
    _group("ice", (0, 1), "no-ice light-ice much-ice"),
    _group("kids-main", _ONE, "mini-burger mini-pizza kids-tenders"),
    _group("wing-count", (6, 30), "wing", tiers=_tiers((0, "1.20"), (12, "1.05"), (20, "0.95")), **_TWICE),
    _group("wing-sauce", (1, 2), "buffalo barbecue honey-mustard"),
    _group("protein", (0, 1), "grilled-chicken shrimp tofu"),
    _group("dressing", (0, 1), "vinaigrette ranch blue-cheese", default_items=[DefaultItem(item_id="vinaigrette")]),
    _group("bread", _ONE, "sourdough rye gluten-free"),
    _group("toast", (0, 1), "sourdough rye gluten-free"),
    _group("soup-choice", _ONE, "tomato-cup lentil-cup"),
    _group("scoops", (1, 4), "scoop-vanilla scoop-chocolate scoop-pistachio", **_TWICE),
    _group("topping-sweet", (0, 2), "chocolate-sauce berries whipped-cream"),
    _group("shake-flavour", _ONE, "strawberry banana mango"),
    _group("milk", _ONE, "whole-milk oat-milk almond-milk", default_items=[DefaultItem(item_id="whole-milk")]),
    _group(
        "syrup", (0, 4), "vanilla-syrup caramel-syrup hazelnut-syrup", tiers=_tiers((0, "0.50"), (2, "0.25")), **_TWICE
    ),
    _group("grind", _ONE, "whole-beans ground-fine ground-coarse"),
    _group("egg-style", _ONE, "scrambled poached sunny-side-up"),
    _group("omelette-filling", (1, 3), "mushrooms spinach peppers", tiers=_tiers((0, "0.00"), (1, "0.75"))),
    _group("salsa", (0, 2), "green-salsa red-salsa"),
    _group("spread", (0, 1), "butter cream-cheese"),
    _group("bagel-dozen", (12, 12), "bagel-plain bagel-sesame bagel-onion bagel-poppy bagel-everything", **_TWICE),
    _group("lunch-drink", _ONE, "meal-cola meal-lemonade meal-water"),
    _group("pasta", _ONE, "penne tagliatelle"),
    _group("pasta-sauce", _ONE, "pesto arrabbiata ragu"),
    _group("heat", _ONE, "mild hot"),
    _group("steak-sauce", (0, 2), "pepper-sauce herb-butter"),
    _group("family-sides", (2, 2), "family-fries family-salad family-greens", **_TWICE),
]

# -- hours -------------------------------------------------------------------------------------------------------------

_WEEK = list(DayOfWeek)
_WORKDAYS = _WEEK[1:6]
_WEEKEND = [DayOfWeek.SATURDAY, DayOfWeek.SUNDAY]


def _open(days: Sequence[DayOfWeek], start: int, end: int) -> list[AvailabilityWindow]:
    """Windows of full hours; 24 is the end of the day."""
    return [AvailabilityWindow(day_of_week=day, start=time(start), end=time(end % 24)) for day in days]


@cache
def bogus_menu() -> ExternalCatalogSet:
    """The menu; "All day" is always open, the rest of it is for breakfast, lunch and dinner."""
    parts = [
        _part("All day", _ALL_DAY, always_open()),
        _part("Breakfast", _BREAKFAST, [*_open(_WORKDAYS, 6, 11), *_open(_WEEKEND, 7, 14)]),
        _part("Lunch", _LUNCH, _open(_WORKDAYS, 11, 15)),
        # Friday and Saturday nights last until two: the hours after midnight are the next day's.
        _part("Dinner", _DINNER, [*_open(_WEEK, 17, 24), *_open(_WEEKEND, 0, 2)]),
    ]
    menu = ExternalCatalogSet(
        catalogs={key: one for part in parts for key, one in part.catalogs.items()},
        sections={key: one for part in parts for key, one in part.sections.items()},
        items={key: one for part in parts for key, one in part.items.items()},
        modifier_groups={group.modifier_group_id: group for group in _GROUPS},
    )
    _nest(menu, "All day", "Drinks", "Cold drinks", "Coffee and tea")
    return menu


def _part(name: str, headings: Mapping[str, str], hours: Sequence[AvailabilityWindow]) -> ExternalCatalogSet:
    sections = {heading: _items(lines) for heading, lines in headings.items()}
    return simple_catalog(sections, options=_items(_OPTIONS), availability=hours, name=name)


def _nest(menu: ExternalCatalogSet, catalog: str, outer: str, *inner: str) -> None:
    """Put sections of a catalog under another one."""
    ids = {section.name: key for key, section in menu.sections.items()}
    moved = [ids[name] for name in inner]
    menu.sections[ids[outer]].section_ids = moved
    for one in menu.catalogs.values():
        if one.name == catalog:
            one.section_ids = [key for key in one.section_ids if key not in moved]


def _items(lines: str) -> list[ExternalItem]:
    return [_item(line) for line in lines.strip().splitlines()]


def _item(line: str) -> ExternalItem:
    words, _, description = line.partition("|")
    id, price, *rest = words.split()
    shown = dict(word.split("=") for word in rest if "=" in word)
    members: dict[str, Any] = {}
    if description:
        members["description"] = description.strip()
        members["image_url"] = f"https://images.bogus-pos.example/{id}.jpg"
    if "from" in shown:
        members["starting_at"] = Decimal(shown["from"])
    if "was" in shown:
        members["compare_at"] = Decimal(shown["was"])
    groups = [word for word in rest if "=" not in word]
    return ExternalItem(item_id=id, name=_name(id), base_price=Decimal(price), modifier_group_ids=groups, **members)
