"""Words that invented function and parameter names are made of. Data only."""

NAME_WORDS = """get find calc compute make do my run fast simple check count sum list max min sort
filter map reduce pick total best first last even odd positive negative square cube double half word
text line letter char string number value item element entry index key score price amount rate size
length width height depth level rank order group batch chunk piece part side edge node path tree graph
table row cell grid point step move turn round game player team user name email phone city country date
time day week month year hour minute second log event record report status state flag mode type kind
color shape image file folder page book note tag label title head tail body core base root leaf branch
input output source target left right top bottom start end begin finish open close add remove insert
delete update create build parse format convert encode decode split join merge match search replace
clean trim strip pad fill copy clone swap flip rotate shift reverse mirror repeat skip take drop keep
test demo example task job work solve answer result foo bar baz qux spam eggs alpha beta gamma delta
omega helper util func process handle apply transform evaluate measure inspect scan read write load
save store fetch send receive push pop peek next prev current total average mean median range spread
bigger smaller larger lowest highest unique distinct common shared missing extra spare lucky magic
star moon sun rain snow wind fire water stone metal wood glass paper river lake hill valley cat dog
bird fish lion bear wolf fox apple pear plum lemon grape melon bread cheese sugar salt pepper money
coin bank shop store cart bill fee tax cost profit loss gain budget salary bonus grade mark exam quiz
student teacher school class course lesson matrix vector digit prime factor divisor multiple power
""".split()

VERBS = "get find calc compute make do my the run fast simple check new give show".split()
TAILS = "v2 fn of impl func x it one two 2 3 fast new all".split()
CONSONANTS = "bcdfghjklmnprstvwz"
VOWELS = "aeiou"
ODD_PARAMS = "data input_list my_list my_text the_text u z q r w given thing content raw vals_in series sequence collection array array1 original entry entries scores prices ages grades sizes heights weights points amounts temps readings".split()

# Common words that carry no meaning for a task; put into sentences as noise.
COMMON_WORDS = """then there here now also just so too very still again please simply exactly really
with by at on into through within about during when where while since because though
its they this these those such another themselves ones something anything
be are was been being have having had do done can could may might shall should will would must got make made
goes come put let see look know want need use used say tell think
what which who how why whatever whose than as like or and yet
thing way part case place point side kind sort lot bit
good given""".split()
DROPPABLE = frozenset("the a of that which is are in to should please function it all their them each".split())

RESERVED = frozenset(
    "and as assert async await break class continue def del elif else except finally for from global if "
    "import in is lambda nonlocal not or pass raise return try while with None True False "
    "abs all any bin bool dict enumerate float int key len list map max min range reversed round set sorted str sum tuple zip print type "
    "id input filter format".split()
)
