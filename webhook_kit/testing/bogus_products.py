"""Items and options of the fake POS, as text: one line each.

A line has the id (its name is made from it), the base price, the modifier groups, ``from=`` and ``was=`` for startingAt and
compareAt, and a description after the bar. Many tests use the items of the first three sections and their options.
"""

from __future__ import annotations

__all__ = ["ALL_DAY", "BREAKFAST", "DINNER", "LUNCH", "OPTIONS", "OUTCOMES"]

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
"""The items that determine the outcome of ``place_order``."""

# -- items -------------------------------------------------------------------------------------------------------------

ALL_DAY = {
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
BREAKFAST = {
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
LUNCH = {
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
DINNER = {
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

# -- options -----------------------------------------------------------------------------------------------------------

OPTIONS = """
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
