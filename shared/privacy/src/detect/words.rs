//! Small dictionaries, in lower case and sorted, looked up without regard to
//! case (ASCII and Latin-1).

use std::cmp::Ordering;

/// True for a common given name or surname; half of a hyphenated one will do.
pub(super) fn is_name(word: &[u8]) -> bool {
    word.split(|&byte| byte == b'-').any(|part| contains(GIVEN, part) || contains(SURNAMES, part))
}

/// Titles before a name.
pub(super) fn is_title(word: &[u8]) -> bool {
    let word = word.strip_suffix(b".").unwrap_or(word);
    contains(
        &["dr", "frau", "herr", "miss", "mme", "mr", "mrs", "ms", "prof", "sir", "sr", "sra"],
        word,
    )
}

/// What follows a name.
pub(super) fn is_suffix(word: &[u8]) -> bool {
    let word = word.strip_suffix(b".").unwrap_or(word);
    contains(&["dds", "dvm", "ii", "iii", "iv", "jr", "md", "phd", "sr", "v"], word)
}

/// Words within a surname that are not capitalised.
pub(super) fn is_particle(word: &[u8]) -> bool {
    contains(
        &[
            "al", "bin", "da", "de", "del", "den", "der", "di", "do", "dos", "du", "el", "la",
            "le", "ten", "van", "von", "y", "zu",
        ],
        word,
    )
}

/// Words of firms, places and goods, which look like names otherwise.
pub(super) fn is_no_name(word: &[u8]) -> bool {
    contains(NO_NAMES, word.strip_suffix(b".").unwrap_or(word))
}

/// Words for street, alone (`Street`, `rue`) or at the end of a word (`Hauptstraße`, `Kerkstraat`).
pub(super) fn is_street(word: &[u8]) -> bool {
    const ENDINGS: [&[u8]; 8] =
        ["straße".as_bytes(), b"strasse", b"str", b"straat", b"gatan", b"gade", b"weg", b"laan"];
    let ends = |ending: &&[u8]| {
        word.len() > ending.len() && word[word.len() - ending.len()..].eq_ignore_ascii_case(ending)
    };
    contains(STREETS, word) || ENDINGS.iter().any(ends)
}

fn contains(sorted: &[&str], word: &[u8]) -> bool {
    sorted.binary_search_by(|entry| compare(entry.as_bytes(), word)).is_ok()
}

fn compare(entry: &[u8], word: &[u8]) -> Ordering {
    let mut previous = 0;
    let lower = word.iter().map(|&byte| {
        // In UTF-8 the Latin-1 capitals À to Þ are C3 80 to C3 9E, their small letters 20 higher.
        let capital = previous == 0xc3 && (0x80..=0x9e).contains(&byte);
        previous = byte;
        if capital { byte + 0x20 } else { byte.to_ascii_lowercase() }
    });
    entry.iter().copied().cmp(lower)
}

#[rustfmt::skip]
const STREETS: &[&str] = &[
    "allee", "alley", "ave", "avenida", "avenue", "blvd", "boulevard", "calle", "camino", "carrera", "carretera",
    "chemin", "circle", "close", "corso", "court", "crescent", "ct", "dr", "drive", "gasse", "gata", "highway", "hwy",
    "impasse", "lane", "ln", "paseo", "piazza", "pkwy", "place", "platz", "plaza", "praça", "quai", "rd", "road",
    "route", "rua", "rue", "sq", "square", "st", "str", "strada", "street", "terrace", "travessa", "ul", "ulica",
    "via", "viale", "way",
];

#[rustfmt::skip]
const NO_NAMES: &[&str] = &[
    "and", "bag", "bank", "beach", "belt", "black", "blue", "book", "bottle", "cable", "camera", "card", "cash",
    "chair", "city", "co", "company", "corp", "cotton", "county", "cream", "credit", "delivery", "desk", "east",
    "for", "gmbh", "granite", "green", "group", "home", "inc", "island", "jacket", "kit", "lake", "lamp", "leather",
    "limited", "llc", "ltd", "metal", "mount", "mouse", "north", "of", "orange", "order", "pants", "paypal", "phone",
    "pizza", "plastic", "port", "red", "republic", "saint", "san", "set", "shirt", "shoes", "south", "steel", "store",
    "street", "sugar", "table", "the", "transfer", "university", "west", "white", "wireless", "with", "wood",
    "wooden", "yellow",
];

#[rustfmt::skip]
const GIVEN: &[&str] = &[
    "aaron", "abdul", "abigail", "adam", "adele", "adrian", "agnes", "ahmed", "aisha", "alan", "albert", "alejandro",
    "alessandro", "alex", "alexander", "alexandra", "alfred", "ali", "alice", "alicia", "alison", "amanda", "amelia",
    "amir", "amy", "ana", "andrea", "andreas", "andrew", "angela", "anita", "anja", "ann", "anna", "anne", "anthony",
    "antoine", "antonio", "arthur", "ashley", "ava", "barbara", "beatrice", "benjamin", "bernard", "betty", "brandon",
    "brian", "bruno", "camille", "carl", "carla", "carlos", "carmen", "carol", "caroline", "catherine", "charles",
    "charlotte", "chloe", "chris", "christian", "christina", "christine", "christopher", "claire", "clara", "claude",
    "cynthia", "daniel", "daniela", "david", "deborah", "denis", "dennis", "diana", "diego", "dominic", "donald",
    "donna", "dorothy", "edward", "elena", "elias", "elisabeth", "elizabeth", "ella", "ellen", "emily", "emma",
    "eric", "erik", "ethan", "eva", "evelyn", "fatima", "felix", "fernando", "florence", "francesca", "francesco",
    "francis", "frank", "gabriel", "gary", "george", "gerald", "giovanni", "giulia", "gloria", "grace", "gregory",
    "guillaume", "hannah", "hans", "harold", "harry", "hassan", "heather", "heinz", "helen", "helena", "henri",
    "henry", "hugo", "ian", "ibrahim", "ingrid", "irene", "isaac", "isabel", "isabella", "ivan", "jack", "jacob",
    "jacques", "james", "jamie", "jan", "jane", "janet", "jason", "javier", "jean", "jeffrey", "jennifer", "jeremy",
    "jerry", "jessica", "joan", "joanna", "joe", "johan", "johannes", "john", "jonathan", "jorge", "jose", "joseph",
    "joshua", "juan", "judith", "judy", "julia", "julian", "julie", "justin", "karen", "karl", "katarzyna",
    "katherine", "kathleen", "keith", "kelly", "kenneth", "kevin", "kimberly", "klaus", "krzysztof", "kumar", "kyle",
    "lars", "laura", "lauren", "lawrence", "lea", "leon", "leonardo", "liam", "linda", "lisa", "louis", "louise",
    "luca", "lucas", "lucy", "luigi", "luis", "luke", "madison", "magdalena", "manuel", "marco", "marcus", "margaret",
    "maria", "marie", "mario", "mark", "markus", "marta", "martha", "martin", "mary", "mateo", "matteo", "matthew",
    "max", "megan", "melissa", "michael", "michel", "michelle", "miguel", "mohamed", "mohammed", "monica", "muhammad",
    "nancy", "natalie", "nathan", "nicholas", "nicolas", "nicole", "nina", "noah", "nora", "olga", "oliver", "olivia",
    "omar", "oscar", "pablo", "pamela", "paolo", "patricia", "patrick", "paul", "paula", "paulo", "pedro", "peter",
    "petra", "philip", "philippe", "pierre", "piotr", "priya", "rachel", "rafael", "rahul", "raj", "ralph", "ramon",
    "raymond", "rebecca", "ricardo", "richard", "robert", "roberto", "roger", "roland", "ronald", "rosa", "rose",
    "roy", "russell", "ruth", "ryan", "sabine", "salma", "samantha", "samuel", "sandra", "sara", "sarah", "scott",
    "sean", "sebastian", "sergio", "sharon", "simon", "sofia", "sophia", "sophie", "stefan", "stefano", "stephanie",
    "stephen", "steven", "susan", "susanne", "teresa", "theresa", "thomas", "timothy", "tom", "tyler", "ursula",
    "valentina", "vera", "victor", "victoria", "vincent", "virginia", "walter", "wei", "william", "wolfgang",
    "yasmin", "yuki", "yusuf", "zachary", "zoe", "élodie", "émile", "ömer",
];

#[rustfmt::skip]
const SURNAMES: &[&str] = &[
    "adams", "aguilar", "alexander", "ali", "allen", "almeida", "alvarez", "anderson", "andersson", "bailey", "baker",
    "barnes", "bauer", "becker", "bell", "bennett", "bernard", "bianchi", "brooks", "brown", "butler", "campbell",
    "carter", "castillo", "castro", "chavez", "chen", "clark", "clarke", "cohen", "coleman", "collins", "cook",
    "cooper", "costa", "cox", "cruz", "davies", "davis", "diaz", "dubois", "dupont", "durand", "edwards", "evans",
    "fernandes", "fernandez", "ferrari", "fischer", "fisher", "flores", "foster", "fournier", "garcia", "gomez",
    "gonzales", "gonzalez", "graham", "gray", "griffin", "gupta", "gutierrez", "hall", "hansen", "harris", "harrison",
    "hayes", "henderson", "hernandez", "hill", "hoffmann", "howard", "huber", "hughes", "jackson", "jansen",
    "jansson", "jenkins", "jensen", "jimenez", "johansson", "johnson", "jones", "kaya", "kelly", "khan", "kim",
    "king", "klein", "koch", "kowalski", "kumar", "lambert", "laurent", "lee", "lefebvre", "leroy", "lewis", "li",
    "lin", "liu", "lopez", "martin", "martinez", "mayer", "mendes", "mendoza", "meyer", "miller", "mitchell",
    "mohamed", "moore", "morales", "moreau", "moreno", "morgan", "morris", "murphy", "murray", "myers", "müller",
    "nelson", "nguyen", "nielsen", "novak", "nowak", "oliveira", "olsen", "ortiz", "owens", "parker", "patel",
    "pereira", "perez", "perry", "peterson", "petit", "phillips", "powell", "price", "ramirez", "ramos", "reed",
    "reyes", "reynolds", "richardson", "richter", "rivera", "roberts", "robinson", "rodriguez", "rogers", "romano",
    "ross", "rossi", "roux", "ruiz", "russell", "russo", "sanchez", "sanders", "santos", "sato", "schmidt",
    "schneider", "schulz", "schwarz", "scott", "sharma", "silva", "simmons", "simon", "singh", "smith", "souza",
    "stewart", "sullivan", "suzuki", "svensson", "tanaka", "taylor", "thomas", "thompson", "torres", "tran", "turner",
    "vargas", "vasquez", "visser", "wagner", "walker", "wallace", "wang", "ward", "watson", "weber", "white",
    "williams", "wilson", "wolf", "wood", "wright", "wu", "yang", "yilmaz", "young", "zhang", "zhou", "zimmermann",
    "özdemir",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries_are_sorted_and_without_repetition() {
        for list in [GIVEN, SURNAMES, STREETS, NO_NAMES] {
            let unsorted = list.windows(2).find(|pair| pair[0] >= pair[1]);
            assert_eq!(unsorted, None);
        }
    }

    #[test]
    fn case_and_hyphens_do_not_matter() {
        for name in ["MARIA", "Jean-Luc", "Müller", "Élodie"] {
            assert!(is_name(name.as_bytes()), "{name}");
        }
        assert!(!is_name(b"Widget") && !is_name(b""));
    }
}
