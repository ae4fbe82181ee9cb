"""More ways to ask for the families about lists of words and dictionaries. Data only; see `family.reworded`."""

WORDING = {
    "join_words": """
= [the |all the |all ][words|strings] [in|of|from] $0 [put|glued|strung|stuck|written] [together|] with [a space|spaces|one space|blanks] [between them|in between|between]
= [the words of|the strings in] $0 [as a sentence|as one line|in one string|as one string], [with spaces between|separated by spaces|space separated|with a space between them]
= [a sentence|one string|a single string|a text|a line] [made of|from|built from|with|of] the [words|strings] [in|of] $0[, separated by spaces|, with spaces between them|]
= $0 [joined|combined|concatenated|turned|glued] [into [one|a single|a] [string|sentence|text]|together] [with spaces|by spaces|separated by spaces]
! [glue|put|string|stick|concatenate|combine|write] [together |]the [words|strings] [in|of|from] $0 [with|using|separated by] [a space|spaces|one space] [between them|]
! [make|build|form] [a sentence|one string|a single string|a text] [from|out of|of] [the [words|strings] [in|of] |]$0[, separated by spaces|]
! join [the list |all of |]$0 [with spaces|using spaces|by a space|into a sentence]""",
    "join_commas": """
= [the |all the |all ][words|strings] [in|of|from] $0 [put|glued|strung|written|joined|combined] [together|in one string|] with [a comma|commas|a comma and a space] [between them|in between|between]
= [a comma separated|a comma-separated|a comma delimited] [list|string|line|text|enumeration] [of|with|from|made of] [the [words|strings] [in|of] |]$0
= $0 [joined|combined|written] [with commas|by commas|using commas|separated by commas|as a comma separated string] [in one string|]
= [one string|a single string|a text|a line] [with|of|made of] the [words|strings] [in|of] $0, [separated by commas|with commas between them|divided by commas]
! [glue|put|string|concatenate|combine|write|link] [together |]the [words|strings] [in|of|from] $0 [with|using|separated by] [a comma|commas|a comma and a space] [between them|]
! join [the list |all of |]$0 [with commas|using commas|by commas|with a comma and a space]
! [make|build|form] a comma separated [string|line|text] [from|of|out of] $0""",
    "upper_all": """
= [the |all the |all |each of the |][words|strings] [in|of|from] $0 [uppercased|in capitals|in all caps|in capital letters|capitalized entirely|as upper case|shouted|in upper[ |]case][, as a list|]
= [a list|a new list|the list $0] [in which|where] [each|every] [word|string] of $0 is [in upper[ |]case|in capitals|uppercased|all caps]
= [the list |]$0 with [each|every|all] [word|string|words|strings] [made|turned|changed|put|converted] [upper[ |]case|into upper[ |]case|to capitals|into capital letters|into capitals]
= [each|every] [word|string] [in|of] $0 [in capitals|uppercased|in upper[ |]case|in all caps|in capital letters][, as a list|]
! [make|turn|put|write|change] [each|every] [word|string] [in|of] $0 [into|in|to] [upper[ |]case|capitals|capital letters|all caps]
! [make|turn|put|write|change] [all|all the|the] [words|strings] [in|of] $0 [into|in|to] [upper[ |]case|capitals|capital letters|all caps]
! [capitalize|upper-case|uppercase] [all letters of|every letter of] the [words|strings] [in|of] $0
! shout [each|every] [word|string] [in|of] $0""",
    "lengths": """
= how [long|many characters long|many letters long] [each|every] [word|string] [in|of] $0 is[, as a list|, in a list|]
= how many [letters|characters] [each|every] [word|string] [in|of] $0 has[, as a list|]
= the [size|number of letters|number of characters|length] of [each|every] [single |][word|string] [in|of|from] [the list |]$0[, as a list|]
= [a list|the list] [with|holding|containing|of] the [length|size|number of characters] of [each|every] [word|string] [in|of] $0
= the [string|word] [lengths|sizes] [in|of|for] the list $0
! [measure|determine|collect|list|get] the [length|size] of [each|every] [word|string] [in|of] $0
! [measure|determine|collect|list|get] the [lengths|sizes] of [all|the|all the] [words|strings] [in|of] $0
! [replace|map] [each|every] [word|string] [of|in] $0 [by|with|to] its [length|number of letters]
! for [each|every] [word|string] [in|of] $0, [give|list|note|return] [its length|how long it is|how many letters it has]""",
    "longest_string": """
= the [string|word] [in|of|from] the list $0 [that has the most letters|with the greatest length|that is longest|having the most characters|with the most characters|with the most letters]
= [whichever|which|whatever] [string|word] in the list $0 [is longest|is the longest|has the most letters|has the most characters]
= the [longest|lengthiest|biggest] [entry|item|element|string|word|one] [of|in|among the strings of|among the words in|from] the list $0
= the [string|word] in the list $0 that is longer than [the others|all the others|the rest]
! [get|look for|search for|locate|choose|select|identify|find|pick] the [longest|lengthiest] [string|word|entry|item] [in|of|from|inside] the list $0
! [go through|look through|scan] the [strings|words] [in|of] $0 and [return|keep|pick|take] the longest [one|]
! find [out |]which [string|word] [in|of] the list $0 is [longest|the longest]""",
    "sort_by_length": """
= [the |all the |][strings|words] [in|of|from] $0 [ordered|arranged|ranked|lined up] by [length|size|how long they are|their length|the number of letters|number of characters]
= $0 [ordered|arranged|ranked|sorted] [by|according to] [string length|word length|how long the words are|the length of its strings|the length of the words|the number of letters]
= the [words|strings] of $0 [with the short ones first|starting with the shortest|short ones first|in order of length|in order of size|shortest first|from short to long]
= $0 [with the shortest [words|strings] first|in order of length|shortest first|from shortest to longest]
! [order|arrange|rank|line up|put in order] [the [words|strings] [in|of] |]$0 by [length|size|how long they are|their length|number of letters]
! [put|bring] the [shortest|short] [words|strings] of $0 first and the [longest|long] ones last
! sort $0 [from short to long|from shortest to longest|using the length as the key|with the shortest first|by the number of letters]
! sort [the [words|strings] [in|of] |]$0 [by how long they are|by the number of characters|by size|shortest first]""",
    "long_words": """
= [all|only the|just the|those|all the] [words|strings] [in|of|from] $0 [that are longer than|whose length exceeds|whose length is more than|that have more than|with over|with more than|of more than|longer than] $1 [characters|letters|]
= the [words|strings] [in|of|from] $0 [whose length is [above|over|greater than|bigger than|more than] $1|that exceed $1 [letters|characters]|exceeding $1 [letters|characters]]
= [what is left of|the rest of] $0 [without|after dropping|when you remove] the [words|strings] of [at most $1|$1 or fewer] [letters|characters]
= $0 [filtered|reduced|cut down] to the [words|strings] [longer than|with more than|of more than] $1 [letters|characters]
! [keep|pick|select|take|collect|list|find|get|filter] [only |all |]the [words|strings] [in|of|from] $0 [longer than|with more than|that have more than|that are longer than|with over] $1 [characters|letters]
! [drop|remove|filter out|throw out|leave out] the [words|strings] [in|of|from] $0 [with at most|with no more than|that have at most|of at most] $1 [characters|letters]""",
    "starting_with": """
= [all|only the|just the|those|all the|the] [words|strings] [in|of|from] $0 [whose first part is|whose beginning is|with prefix|with the prefix|that have the prefix|having the prefix|that start with|beginning with|starting with] $1
= the [words|strings] [in|of|from] $0 [that have $1 at the [start|beginning|front]|which begin with $1|which start with $1|that open with $1|with $1 at the start|with $1 in front]
= $0 [filtered|reduced|cut down] to the [words|strings] [starting with|beginning with|that start with|that begin with] $1
= [everything|each word|every word|each string] in $0 that [starts|begins] with $1[, as a list|]
! [keep|pick|select|take|collect|list|find|get|filter] [only |all |]the [words|strings] [in|of|from] $0 [starting with|beginning with|that start with|that begin with|with the prefix] $1
! [drop|remove|filter out|throw out|leave out] the [words|strings] [in|of|from] $0 [not starting with|that do not start with|that do not begin with|not beginning with] $1""",
    "total_length": """
= how many [characters|letters] the [words|strings] [in|of] $0 have [altogether|in total|together|all in all|combined]
= the [combined|overall|summed|total|joint] [length|size|character count|number of characters|number of letters] of [all |all the |the ][words|strings] [in|of] $0
= the [sum|total] of the [lengths|sizes] of [all|the|all the] [words|strings] [in|of] $0
= how long [all |]the [words|strings] [in|of] $0 are [together|in total|combined|altogether]
= the [lengths|sizes] of the [words|strings] [in|of] $0 [added up|summed|added together|summed up]
! [add up|sum|sum up|total|total up|add together] the [lengths|sizes|character counts] of [all |all the |the ][words|strings] [in|of] $0
! count [all|all the|the] [characters|letters] [in|of] [all |]the [words|strings] [in|of] [the list |]$0
! count how many [characters|letters] the [words|strings] [in|of] $0 have [together|in total|altogether]""",
    "length_map": """
= [the length of each word|how long each word is|the length of each string|how many letters each word has] [of|in] $0[, as a dict|, as a dictionary|, in a dict]
= a [dict|dictionary|map|mapping|table] with the [words|strings] [of|in] $0 as keys and their [lengths|sizes] as values
= a [dict|dictionary|map|mapping|table] [that maps|mapping|from|telling for|giving] [each|every] [word|string] [in|of] $0 [to|with] [its length|how long it is|its size|its number of letters]
= a [dict|dictionary|map|mapping|table] of [words to lengths|strings to lengths|word lengths|the word lengths|the lengths of the words] [for|in|of|from] $0
= [each|every] [word|string] [of|in] $0 mapped to its [length|size|number of characters]
! [map|relate|match] [each|every] [word|string] [in|of] $0 to its [length|size|number of characters|number of letters]
! [build|make|create] a [dict|dictionary|map|mapping|table] [from|of|with] [each word|every word|the words|each string] [in|of] $0 [to|and] [its length|their lengths|its size]""",
    "invert_dict": """
= [the dictionary |the dict |]$0 [turned around|inverted|reversed|flipped|the other way round|turned inside out], [with values as keys and keys as values|from values to keys|so that values become keys|mapping values to keys]
= [the dictionary |the dict |]$0 with [its |the |]keys and values [interchanged|switched|trading places|the other way round|flipped|reversed]
= a [dict|dictionary|mapping|map] [that maps|mapping|from] [each|every] value [in|of] $0 [back |]to its key
= a [dict|dictionary|mapping|map] [in which|where] the values of $0 [are|become] [the |]keys and the keys [are|become] [the |]values
= [the inverted|the reversed|the flipped|the reverse of the|the inverse of the] [dictionary|dict|mapping] $0
= a [dict|dictionary|mapping|map] with the values of $0 as keys and its keys as values
! [make|turn] the values of $0 [into |]keys and [its|the] keys [into |]values
! [flip|turn around|reverse|invert] the [dictionary|dict|mapping|map] $0
! [switch|interchange|flip|trade] [the |]keys and values [of|in] [the dictionary |the dict |]$0
! [map|relate] [each|every] value [in|of] $0 [back |]to its key""",
    "dict_total": """
= [what you get by|the result of] [adding up|summing|adding together] [the|all|all the] values [of|in] [the dictionary |the dict |]$0
= [the|all|all the] values [of|in|stored in] [the dictionary |the dict |]$0 [added up|added together|summed|summed up|in total]
= how much the values [of|in|stored in] [the dictionary |the dict |]$0 [are together|add up to|make in total|sum to]
= the [grand total|sum total|overall sum|combined total|value total|total value|value sum] of [the dictionary|the dict|the values in] $0
= the [sum|total] over [the|all|all the] values [of|in] [the dictionary |the dict |]$0
! [sum|sum up|total|total up|add together|tot up] [all|the|all the|every one of the] values [of|in|stored in] [the dictionary |the dict |]$0
! [ignore|forget] the keys of $0 and [add up|sum] the values""",
    "sorted_keys": """
= [all|all the|the] keys [of|in] [the dictionary |the dict |]$0, [sorted|in order|ordered|in alphabetical order|from a to z|in ascending order]
= the [ordered|alphabetical|alphabetically sorted|alphabetized] [keys|list of keys|key list] [of|in] [the dictionary |the dict |]$0
= the keys of $0 [as a sorted list|arranged alphabetically|put in order|ordered alphabetically|in order|alphabetically]
= a list [of|with|holding] [all|the|all the|every one of the] keys [of|in] $0[,|] [sorted|in order|in alphabetical order|ordered]
! [sort|order|arrange|alphabetize] the keys [of|in] [the dictionary |the dict |]$0 [alphabetically|in a list|]
! [list|give|collect|get] the keys [of|in] [the dictionary |the dict |]$0 [in order|in sorted order|alphabetically|in alphabetical order|sorted]""",
    "sorted_values": """
= [all|all the|the] values [of|in|stored in] [the dictionary |the dict |]$0, [sorted|in order|ordered|in ascending order|from low to high|smallest first]
= the [ordered|sorted|ascending] [values|list of values|value list] [of|in] [the dictionary |the dict |]$0
= the values of [the dictionary |the dict |]$0 [as a sorted list|arranged from smallest to largest|put in order|ordered from low to high|in increasing order|in order]
= a list [of|with|holding] [all|the|all the|every one of the] values [of|in] [the dictionary |the dict |]$0[,|] [sorted|in order|in ascending order|ordered]
! [sort|order|arrange] the values [of|in|stored in] [the dictionary |the dict |]$0 [in ascending order|from low to high|in a list|]
! [list|give|collect|get] the values [of|in|stored in] [the dictionary |the dict |]$0 [in order|in sorted order|in ascending order|from low to high|sorted]""",
    "max_key": """
= [which|whichever] key [of|in] [the dictionary |the dict |]$0 [has|holds|carries|is mapped to] the [largest|highest|biggest|greatest|maximum] value
= the key [of|in] [the dictionary |the dict |]$0 [whose value is|that has|having|which has] [the |][largest|highest|biggest|greatest|maximum] [value|]
= the [winner|top key|best key|winning key|leader|top scorer|best scorer] [in|of] [the dictionary |the dict |]$0, by value
= the key [belonging to|for|that belongs to|behind|stored with] the [largest|highest|biggest|greatest|maximum] value [in|of] [the dictionary |the dict |]$0
= the key of [the largest|the highest|the biggest|the maximum] value in $0
! [get|pick|look up|look for|search for|determine|choose] the key [of|in|from] [the dictionary |the dict |]$0 with the [largest|highest|biggest|greatest|maximum|top] value
! find [out |]which key [of|in] [the dictionary |the dict |]$0 has the [largest|highest|biggest|greatest|maximum] value
! find the key [whose value is|that has] [the |][largest|highest|biggest|maximum] [value |]in $0""",
    "get_or_zero": """
= what [the dictionary |the dict |]$0 [has|holds|stores|says|contains] [for|under|at] [the key |]$1[, or 0 if there is nothing|, or 0 if it is missing|, with 0 as the default|, else 0]
= the [entry|value|number] [for|of|at|under|stored for|belonging to] [the key |]$1 in [the dictionary |the dict |]$0, [or 0 if there is none|defaulting to 0|with 0 as default|else 0|0 if the key is missing|or zero if there is no such key]
= the value [$1 is mapped to|that belongs to $1] in [the dictionary |the dict |]$0[, or 0 if there is none|, default 0|, or zero]
= [the dictionary |the dict |]$0 at [the key |]$1, [or 0|defaulting to 0|0 if absent|or zero when the key is absent]
! [look|search] in [the dictionary |the dict |]$0 for [the key |]$1 and [return|give back] its value, or [0|zero] [if it is not there|if it is missing|if there is none]
! [get|fetch|read|find] the value [of|for|under] [the key |]$1 [in|from] [the dictionary |the dict |]$0[, or 0 if it is missing|, defaulting to 0|, with default 0|, or 0]
! look [the key |]$1 up in [the dictionary |the dict |]$0[, with 0 as the default|, defaulting to 0|, or 0 if it is missing]""",
}
