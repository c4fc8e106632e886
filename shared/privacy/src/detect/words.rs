//! Small dictionaries, in lower case and sorted, looked up without regard to
//! case (ASCII and Latin-1).

use std::cmp::Ordering;

/// True for a common given name; half of a hyphenated one will do.
pub(super) fn is_given(word: &[u8]) -> bool {
    word.split(|&byte| byte == b'-').any(|part| contains(GIVEN, part))
}

/// True for a common surname or one that may be; half of a hyphenated one will do.
pub(super) fn is_surname(word: &[u8]) -> bool {
    word.split(|&byte| byte == b'-').any(|part| {
        contains(SURNAMES, part) || contains(SURNAMES_AND_WORDS, part) || contains(GIVEN, part)
    })
}

/// True for surnames that are words as well, as Green and King.
pub(super) fn is_surname_and_word(word: &[u8]) -> bool {
    contains(SURNAMES_AND_WORDS, word)
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
    "and", "backpack", "bag", "bank", "beach", "belt", "blanket", "blue", "book", "boots", "bottle", "bowl", "box",
    "cable", "camera", "card", "case", "cash", "chair", "charger", "city", "co", "coat", "coffee", "company", "corp",
    "cotton", "county", "cream", "credit", "cup", "delivery", "desk", "dress", "drink", "east", "for", "game", "gift",
    "gloves", "gmbh", "granite", "group", "hat", "headphones", "headset", "home", "inc", "island", "jacket", "jeans",
    "kettle", "keyboard", "kit", "ladder", "lamp", "leather", "limited", "llc", "ltd", "mat", "metal", "mirror",
    "monitor", "mount", "mouse", "mug", "of", "oil", "orange", "order", "pants", "paper", "paypal", "pen", "phone",
    "pillow", "pizza", "plastic", "plate", "port", "printer", "red", "republic", "rug", "saint", "san", "scarf",
    "set", "shelf", "shirt", "shoes", "shorts", "skirt", "sneaker", "sneakers", "soap", "socks", "sofa", "south",
    "speaker", "steel", "store", "sugar", "sweater", "table", "tablet", "tea", "tent", "the", "toy", "transfer",
    "tray", "umbrella", "university", "vase", "wallet", "watch", "wireless", "with", "wooden", "yellow",
];

/// Surnames that are words as well: names after a given name only.
#[rustfmt::skip]
const SURNAMES_AND_WORDS: &[&str] = &[
    "baker", "bell", "berg", "black", "brown", "bush", "cook", "day", "field", "ford", "gray", "green", "hill",
    "king", "lake", "long", "north", "price", "reed", "rose", "stone", "street", "ward", "west", "white", "winter",
    "wolf", "wood", "young",
];

#[rustfmt::skip]
const GIVEN: &[&str] = &[
    "aaron", "abdul", "abigail", "adam", "adele", "adrian", "adriana", "agnes", "agnieszka", "ahmed", "aisha",
    "alain", "alan", "albert", "albertine", "alejandro", "aleksandra", "alessandro", "alessia", "alex", "alexander",
    "alexandra", "alexandre", "alfonso", "alfred", "alfredo", "ali", "alice", "alicia", "aline", "alison", "allison",
    "alma", "alvaro", "amanda", "amelia", "amelie", "amir", "amy", "ana", "anais", "andre", "andrea", "andreas",
    "andrew", "andrzej", "angela", "angelina", "angelo", "anita", "anja", "anke", "ann", "anna", "anne", "annette",
    "annika", "anouk", "anthony", "antje", "antoine", "antonia", "antonio", "ariel", "armando", "arnaud", "arne",
    "arthur", "ashley", "astrid", "aurelie", "ava", "barbara", "bart", "bas", "beatrice", "beatriz", "bella",
    "benjamin", "benoit", "bernard", "bernd", "bert", "betty", "bianca", "birgit", "bjorn", "blanca", "bob",
    "bradley", "bram", "brandon", "brian", "brigitte", "bruce", "bruno", "bryan", "caio", "cameron", "camille",
    "carl", "carla", "carlos", "carmen", "carol", "carolina", "caroline", "catherine", "cecilia", "cedric", "celine",
    "cesar", "chantal", "charles", "charlie", "charlotte", "chiara", "chloe", "chris", "christian", "christina",
    "christine", "christopher", "claire", "clara", "claude", "clemens", "clement", "cody", "colin", "connor",
    "corinne", "cristina", "curtis", "cynthia", "cyril", "dagmar", "damien", "daniel", "daniela", "danielle", "dario",
    "david", "davide", "dean", "deborah", "debra", "delphine", "denis", "dennis", "derek", "detlef", "diana", "diego",
    "dieter", "dirk", "dolores", "dominic", "donald", "donna", "doris", "dorothy", "douglas", "duncan", "dylan",
    "earl", "eddie", "edith", "eduardo", "edward", "edwin", "eleanor", "elena", "eleonora", "eliane", "elias",
    "elisa", "elisabeth", "elizabeth", "elke", "ella", "ellen", "emanuel", "emil", "emilia", "emilie", "emilio",
    "emily", "emma", "enrico", "enrique", "eric", "erik", "ernst", "esther", "ethan", "etienne", "eugene", "eva",
    "evelyn", "fabian", "fabio", "fabrice", "fatima", "federica", "federico", "felipe", "felix", "femke", "fernando",
    "filippo", "finn", "fiona", "florence", "francesca", "francesco", "francis", "franck", "frank", "franz", "fred",
    "frederic", "frederick", "fritz", "gabriel", "gabriela", "gabriele", "gary", "gaspard", "gavin", "geoffrey",
    "georg", "george", "gerald", "gerard", "gerd", "gertrud", "giacomo", "gianluca", "gilles", "gina", "giorgio",
    "giovanni", "giulia", "giuseppe", "glenn", "gloria", "gonzalo", "grace", "gregory", "greta", "guido", "guillaume",
    "gunter", "gustavo", "hanna", "hannah", "hanne", "hans", "harold", "harry", "hassan", "heather", "heidi", "heike",
    "heiko", "heinz", "helen", "helena", "helga", "henk", "henri", "henry", "hermann", "herve", "horst", "hubert",
    "hugo", "ian", "ibrahim", "ilaria", "ines", "inga", "inge", "ingo", "ingrid", "irene", "isaac", "isabel",
    "isabella", "isabelle", "ivan", "ivo", "jack", "jacob", "jacques", "jaime", "james", "jamie", "jan", "jane",
    "janet", "jasmin", "jasmine", "jason", "javier", "jean", "jeanne", "jeff", "jeffrey", "jennifer", "jens",
    "jeremias", "jeremy", "jerry", "jessica", "jesus", "jill", "jim", "joachim", "joan", "joanna", "jochen", "joe",
    "joel", "johan", "johanna", "johannes", "john", "jonas", "jonathan", "jonathon", "jordan", "jorge", "joris",
    "jose", "josef", "joseph", "josephine", "joshua", "joyce", "juan", "judith", "judy", "jule", "julia", "julian",
    "juliana", "julie", "julien", "jurgen", "justin", "kai", "karen", "karin", "karina", "karl", "karsten",
    "katarzyna", "katharina", "katherine", "kathleen", "kathrin", "katja", "kay", "keith", "kelly", "ken", "kenneth",
    "kerstin", "kevin", "kim", "kimberly", "kirsten", "klaus", "krzysztof", "kumar", "kurt", "kyle", "lara",
    "larissa", "lars", "laura", "lauren", "lawrence", "lea", "leah", "lena", "lennart", "leon", "leonardo", "leonie",
    "leslie", "leticia", "liam", "linda", "lisa", "lorenzo", "lori", "lotte", "louis", "louise", "luana", "luc",
    "luca", "lucas", "lucia", "luciana", "luciano", "lucie", "lucy", "ludovic", "luigi", "luis", "luisa", "luiz",
    "lukas", "luke", "lutz", "lydia", "madison", "mads", "magdalena", "maik", "malte", "manfred", "manon", "manuel",
    "marc", "marcel", "marcela", "marcelo", "marco", "marcus", "margaret", "margarita", "margaux", "maria",
    "marianne", "marie", "marina", "mario", "marion", "mark", "markus", "marlene", "marta", "martha", "martin",
    "martina", "mary", "mateo", "mathieu", "mathilde", "mathis", "matteo", "matthew", "matthias", "maurice",
    "maurizio", "maxime", "megan", "meike", "melanie", "melissa", "mia", "michael", "michel", "michelle", "miguel",
    "mike", "milan", "mirko", "mohamed", "mohammad", "mohammed", "molly", "monica", "monika", "morgan", "muhammad",
    "nadia", "nadine", "nancy", "natalia", "natalie", "nathalie", "nathan", "neil", "nele", "nicholas", "nico",
    "nicola", "nicolas", "nicole", "nils", "nina", "noah", "noel", "nora", "norbert", "norma", "olga", "oliver",
    "olivia", "oliwia", "omar", "oscar", "otto", "pablo", "pamela", "paolo", "pascal", "pascale", "patricia",
    "patrick", "patrizia", "paul", "paula", "paulo", "pedro", "peggy", "peter", "petra", "philip", "philippe",
    "phillip", "pia", "pierre", "pieter", "piotr", "priya", "quentin", "rachel", "rafael", "rahul", "rainer", "raj",
    "ralf", "ralph", "ramon", "ramona", "raphael", "raul", "raymond", "rebecca", "regina", "reinhard", "remi",
    "renate", "renato", "rene", "ricardo", "riccardo", "richard", "rita", "rob", "robert", "roberto", "robin",
    "rodney", "rodrigo", "roger", "roland", "rolf", "romain", "roman", "ronald", "rosa", "rosemary", "roy", "ruben",
    "rudi", "rudolf", "russell", "ruth", "ryan", "sabine", "sabrina", "salma", "salvatore", "sam", "samantha",
    "samuel", "sander", "sandra", "sandro", "sanne", "santiago", "sara", "sarah", "sascha", "scott", "sean",
    "sebastian", "serge", "sergio", "shannon", "sharon", "shawn", "sheila", "shirley", "sigrid", "silke", "silvia",
    "simon", "simone", "sofia", "sonia", "sophia", "sophie", "stacy", "stan", "stanley", "stefan", "stefano",
    "steffen", "stella", "stephanie", "stephen", "steve", "steven", "susan", "susanne", "sven", "sylvie", "tamara",
    "tanja", "tanya", "tara", "ted", "teresa", "terry", "thea", "theo", "theodor", "theresa", "thierry", "thijs",
    "thomas", "thorsten", "tiago", "tim", "timothy", "tina", "tobias", "todd", "tom", "tony", "tracy", "troy",
    "tyler", "udo", "ulrich", "ulrike", "ursula", "ute", "uwe", "valentina", "valeria", "valerie", "vanessa", "vera",
    "veronica", "victoire", "victor", "victoria", "vincent", "vincenzo", "virginia", "virginie", "vivian", "walter",
    "wanda", "wayne", "wei", "wendy", "werner", "wilhelm", "willem", "william", "willy", "wolfgang", "xavier", "yann",
    "yannick", "yasmin", "yuki", "yusuf", "yvonne", "zachary", "zara", "zoe", "élodie", "émile", "ömer",
];

#[rustfmt::skip]
const SURNAMES: &[&str] = &[
    "abbott", "adams", "aguilar", "albrecht", "alexander", "ali", "allen", "almeida", "alvarez", "anderson",
    "andersson", "andrade", "antunes", "araujo", "armstrong", "arnold", "austin", "bailey", "bakker", "ballard",
    "barbieri", "barnes", "barros", "barton", "batista", "bauer", "beck", "becker", "bennett", "berger", "bergmann",
    "bernard", "bernhard", "bertrand", "bianchi", "blanc", "boehm", "boer", "bonnet", "bos", "bosch", "boyer",
    "brandt", "braun", "broek", "brooks", "brouwer", "bruno", "burke", "burns", "butler", "campbell", "caputo",
    "cardoso", "carter", "carvalho", "castillo", "castro", "chapman", "chavez", "chen", "chevalier", "clark",
    "clarke", "cohen", "coleman", "collins", "colombo", "conti", "cooper", "correia", "costa", "cruz", "cunha",
    "davies", "davis", "dean", "dekker", "deluca", "dias", "diaz", "dietrich", "dijkstra", "dixon", "douglas",
    "duarte", "dubois", "dufour", "duncan", "dunn", "dupont", "dupuis", "durand", "duval", "edwards", "ellis",
    "engel", "esposito", "evans", "fabre", "faure", "ferguson", "fernandes", "fernandez", "ferrara", "ferrari",
    "fischer", "fisher", "flores", "fontaine", "foster", "fournier", "franco", "franke", "freitas", "friedrich",
    "fuchs", "galli", "gallo", "garcia", "garnier", "gauthier", "gerard", "gerritsen", "gibson", "gilbert",
    "giordano", "girard", "gomes", "gomez", "gonzales", "gonzalez", "gordon", "graf", "graham", "greco", "griffin",
    "gross", "guerin", "gupta", "gutierrez", "haas", "hahn", "hall", "hamilton", "hansen", "harris", "harrison",
    "hartmann", "harvey", "hayes", "heinrich", "henderson", "hendriks", "henry", "hermans", "hernandez", "herrmann",
    "hoekstra", "hoffmann", "hofmann", "holmes", "hopkins", "howard", "huber", "hudson", "hughes", "hunt", "jackson",
    "jacobs", "jager", "jansen", "jansson", "jenkins", "jensen", "jimenez", "johansson", "johnson", "johnston",
    "jones", "jordan", "jung", "kaiser", "kaya", "keller", "kelly", "kennedy", "khan", "kim", "klein", "koch",
    "kowalski", "kramer", "krause", "krueger", "kuhn", "kuipers", "kumar", "lambert", "lang", "lange", "laurent",
    "leclerc", "lee", "leeuwen", "lefebvre", "legrand", "lehmann", "lemaire", "leroy", "lewis", "li", "lima", "lin",
    "liu", "lombardi", "lopez", "lorenz", "lucas", "ludwig", "maier", "mancini", "mariani", "marino", "marques",
    "martin", "martinelli", "martinez", "martini", "martins", "mason", "mathieu", "matthews", "mayer", "mcdonald",
    "meier", "meijer", "melo", "mendes", "mendoza", "mercier", "meyer", "michel", "miller", "mitchell", "mohamed",
    "moore", "morales", "moreau", "moreira", "moreno", "moretti", "morgan", "morris", "moser", "mueller", "mulder",
    "muller", "murphy", "murray", "myers", "müller", "nascimento", "nelson", "neumann", "nguyen", "nielsen",
    "nogueira", "novak", "nowak", "nunes", "oliveira", "olsen", "ortiz", "otto", "owens", "palmer", "parker", "patel",
    "paul", "pauly", "peeters", "pellegrini", "pereira", "perez", "perry", "peters", "peterson", "petit", "pfeiffer",
    "phillips", "pinto", "pires", "pohl", "porter", "powell", "ramirez", "ramos", "reis", "reyes", "reynolds",
    "ribeiro", "ricci", "richard", "richardson", "richter", "rinaldi", "rivera", "rizzo", "roberts", "robin",
    "robinson", "rocha", "rodriguez", "roger", "rogers", "romano", "ross", "rossi", "rousseau", "roux", "roy", "ruiz",
    "russell", "russo", "sala", "sanchez", "sanders", "santoro", "santos", "sato", "sauer", "schaefer", "schafer",
    "schmid", "schmidt", "schmitt", "schmitz", "schneider", "scholz", "schreiber", "schroeder", "schröder",
    "schubert", "schulte", "schultz", "schulz", "schulze", "schumacher", "schuster", "schwarz", "schäfer", "scott",
    "seidel", "sharma", "shaw", "silva", "simmons", "simon", "simpson", "singh", "smit", "smith", "smits", "snyder",
    "soares", "sommer", "souza", "spencer", "stein", "stevens", "stewart", "sullivan", "suzuki", "svensson", "tanaka",
    "tavares", "taylor", "teixeira", "thiel", "thomas", "thompson", "torres", "tran", "tucker", "turner", "vargas",
    "vasquez", "vermeulen", "vidal", "vieira", "vincent", "visser", "vitale", "vogel", "vogt", "voigt", "vries",
    "wagner", "walker", "wallace", "walter", "wang", "warren", "watson", "webb", "weber", "weiss", "werner",
    "willems", "williams", "wilson", "winkler", "wolff", "wright", "wu", "yang", "yilmaz", "zanetti", "zhang", "zhou",
    "ziegler", "zimmermann", "özdemir",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries_are_sorted_and_without_repetition() {
        for list in [GIVEN, SURNAMES, SURNAMES_AND_WORDS, STREETS, NO_NAMES] {
            let unsorted = list.windows(2).find(|pair| pair[0] >= pair[1]);
            assert_eq!(unsorted, None);
        }
    }

    #[test]
    fn case_and_hyphens_do_not_matter() {
        for name in ["MARIA", "Jean-Luc", "Müller", "Élodie"] {
            assert!(is_surname(name.as_bytes()), "{name}");
        }
        assert!(!is_surname(b"Widget") && !is_surname(b""));
        assert!(is_given(b"jean-luc") && !is_given(b"Smith"));
    }
}
