//! A category for a product of a shop that keeps none, guessed from its description.

/// The category where no keyword fits.
const OTHER: &str = "Other";

/// Categories and the words they are known by; the first row that fits wins, so rows stand from
/// the telling (a clock is a clock) to the vague (anything of metal). A word stands for its plural
/// too; a `_` joins words that must follow each other.
const KEYWORDS: &[(&str, &str)] = &[
    ("Clocks", "CLOCK"),
    (
        "Christmas",
        "CHRISTMAS XMAS ADVENT SANTA REINDEER SNOWFLAKE SNOWMEN SNOWMAN NOEL BAUBLE ROBIN \
         ANGEL STOCKING TREE_DECORATION WREATH",
    ),
    (
        "Lighting & Candles",
        "T_LIGHT TEALIGHT CANDLE CANDLEHOLDER CANDLESTICK CANDLEPOT CHOCOLATECANDLE LANTERN \
         LAMP LAMPSHADE CHANDELIER INCENSE TORCH NIGHTLIGHT NIGHT_LIGHT LED LIGHTS LIGHTBULB \
         LIGHT_GARLAND SCENTED FRAGRANCE OIL_BURNER",
    ),
    (
        "Signs & Magnets",
        "SIGN MAGNET MAGNETIC PLAQUE CHALKBOARD BLACKBOARD BILLBOARD SLATE NUMBER_TILE \
         BLOCK_WORD MEMO_BOARD MEMOBOARD BLACK_BOARD",
    ),
    (
        "Bath & Comfort",
        "HOT_WATER_BOTTLE HAND_WARMER POCKET_WARMER HOTTIE BATH BATHROOM SOAP TOILET SHOWER \
         SLIPPER SCARF HAT EAR_MUFF LIP_GLOSS THROW QUILT HAND_TOWEL ROLL_TOWEL ROSE_TOWEL \
         PLASTERS TISSUE",
    ),
    ("Bags & Purses", "BAG SHOPPER PURSE HANDBAG WALLET BACKPACK LUGGAGE PASSPORT_COVER"),
    (
        "Toys & Games",
        "TOY GAME DOLL DOLLCRAFT JIGSAW PLAYING_CARD SNAP_CARD DOMINO SKITTLE PLAYHOUSE \
         DINOSAUR TEDDY SPINNING_TOP SOLDIER SKIPPING PUPPET HARMONICA SNAKE BINGO LUDO \
         NAUGHT HEADS_AND_TAILS BALL CHILD CHILDREN KID BABY SPACEBOY DOLLY_GIRL \
         CIRCUS_PARADE ROCKING_HORSE FELTCRAFT TATTOO GLIDER STICKER PAINT_SET PIRATE RACING \
         MODELLING_CLAY SANDCASTLE",
    ),
    (
        "Party & Gift Wrap",
        "PARTY BUNTING BALLOON WRAP RIBBON GARLAND BIRTHDAY CRACKER NAPKIN PAPER_PLATE \
         PAPER_CUP PAPER_CHAIN GIFT_BOX HONEYCOMB DOILEY DOILIE DOILY GIFT_TAPE GIFT_TAG \
         DISCO STRAW COCKTAIL_PARASOL PANNETONE CONFETTI",
    ),
    (
        "Jewellery",
        "NECKLACE NECKL BRACELET EARRING RING BROOCH BANGLE PENDANT JEWELLERY HAIR HAIRCLIP \
         HAIRSLIDE TIARA CHARM CHOKER LARIAT TRINKET DIAMANTE KEYRING FOB BEADED BEAD",
    ),
    (
        "Storage & Hooks",
        "DRAWER DRAWERKNOB HOOK HANGER STORAGE_BOX STORAGE_CUBE DOORSTOP CABINET PEG CHEST \
         RACK TIDY CRATE LADDER",
    ),
    (
        "Stationery & Crafts",
        "SEWING KNITTING KNITTED CRAFT FELT PATCHWORK CROCHET BUTTON PIN_CUSHION FABRIC PATCH \
         TAPE_MEASURE DECOUPAGE STAMP CARD NOTEBOOK NOTEPAD PENCIL PEN STATIONERY ENVELOPE \
         JOURNAL CALENDAR RULER ERASER CHALK MEMO BOOK RUBBER CRAYON COLOURING PAPERWEIGHT \
         BOOKCOVER POSTCARD WRITING LETTER PAPER POST TAPE",
    ),
    (
        "Garden & Outdoor",
        "WATERING_CAN GARDENER GARDEN PLANT PLANTER PARASOL UMBRELLA PICNIC BIRDHOUSE \
         BIRD_HOUSE SHED WINDMILL BEACH THERMOMETER BICYCLE KNEELING WINDCHIME CHIME HERB \
         GROW_YOUR_OWN PONCHO HAMMOCK",
    ),
    (
        "Tableware",
        "MUG CUP TEACUP TEAPOT PLATE BOWL GLASS DISH TUMBLER JUG CAKESTAND CAKE_STAND COASTER \
         PLACEMAT TRAY TABLECLOTH PLACE_SETTING BEAKER CHOPSTICK TEA_SET GOBLET TEASPOON \
         PLATTER CUTLERY",
    ),
    (
        "Kitchen & Baking",
        "CAKE BAKING COOKIE KITCHEN PANTRY RECIPE OVEN TEA_TOWEL APRON MEASURING FRYING_PAN \
         PAN BREAD JAM JAR BISCUIT SALT CHOPPING COLANDER SPOON CADDY FOOD POPCORN SUGAR \
         COOKING TOAST TOASTRACK CONTAINER LUNCH SNACK TIN EGG ICE BOTTLE COFFEE TEA COSY \
         WASHING_UP",
    ),
    (
        "Home Decor",
        "DOORMAT FRAME MIRROR CUSHION VASE ORNAMENT DECORATION HANGING WICKER HEART CURTAIN \
         PICTURE PHOTO BELL FLOWER ROSE DECORATIVE STAR BIRD DOOR FEATHER BUTTERFLY MOBILE \
         BANK CANVAS FAN ART MAT BOX BASKET STAND STOOL TABLE CASE HOLDER TREE WOODEN METAL",
    ),
    (
        "Postage & Fees",
        "POSTAGE CARRIAGE AMAZON MANUAL DISCOUNT SAMPLE GIFT_VOUCHER BANK_CHARGE CRUK \
         BAD_DEBT",
    ),
];

/// The category of a product described as `description`; `Other` where nothing fits.
#[must_use]
pub fn category_of(description: &str) -> &'static str {
    let upper = description.to_uppercase();
    let words: Vec<&str> =
        upper.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let fits = |keyword: &str| {
        let phrase: Vec<&str> = keyword.split('_').collect();
        words.windows(phrase.len()).any(|window| is_phrase(window, &phrase))
    };
    KEYWORDS
        .iter()
        .find(|(_, keywords)| keywords.split_whitespace().any(fits))
        .map_or(OTHER, |(category, _)| category)
}

fn is_phrase(window: &[&str], phrase: &[&str]) -> bool {
    window.iter().zip(phrase).all(|(word, expected)| {
        word.strip_prefix(expected).is_some_and(|ending| matches!(ending, "" | "S" | "ES"))
    })
}

#[cfg(test)]
mod tests {
    use super::category_of;

    #[test]
    fn whole_words_and_their_plurals_decide_in_any_case() {
        assert_eq!(category_of("LUNCH BAG RED RETROSPOT"), "Bags & Purses");
        assert_eq!(category_of("Set of 2 lunch bags"), "Bags & Purses");
        assert_eq!(category_of("WOODEN BOX OF DOMINOES"), "Toys & Games");
        assert_eq!(category_of("CABBAGE"), "Other");
    }

    #[test]
    fn the_first_fitting_row_wins() {
        assert_eq!(category_of("CHRISTMAS LUNCH BAG"), "Christmas");
        assert_eq!(category_of("BLACK BAROQUE CARRIAGE CLOCK"), "Clocks");
    }

    #[test]
    fn the_words_of_a_phrase_must_follow_each_other() {
        assert_eq!(category_of("CHOCOLATE HOT WATER BOTTLE"), "Bath & Comfort");
        assert_eq!(category_of("WATER BOTTLE, HOT PINK"), "Kitchen & Baking");
        assert_eq!(category_of("WHITE T-LIGHT"), "Lighting & Candles");
    }

    #[test]
    fn no_description_is_other() {
        assert_eq!(category_of(""), "Other");
    }
}
