"""More ways to ask for the families about strings. Data only; see `family.reworded`."""

WORDING = {
    "reverse_string": """
= $0 [read|written|spelled out|typed] [backwards|from right to left|from the end to the start|from back to front]
= [the mirror image|a mirrored version|a backwards copy|the backward version|the reversal] of $0
= what $0 [looks like|reads like] [backwards|when read from the end|in a mirror]
= a string with the [characters|letters] of $0 [in reverse|the other way round|back to front|from last to first|in backward order]
= a [string|text] like $0 but [backwards|back to front|the other way round]
! [spell|write|print out|read] $0 [backwards|from right to left|back to front|from the end]
! turn [$0|the string $0] [back to front|the other way round|end to end|backwards]
! [mirror|invert the order of the characters of|put into reverse order the letters of] $0
! start with the last [character|letter] of $0 and [go|work] [back|backwards] to the first""",
    "is_palindrome": """
? $0 [stays|remains|looks] [the same|unchanged|identical] when [reversed|read backwards|turned around|flipped|spelled backwards]
? $0 [spelled|read|written] backwards is [the same|still the same|still $0|equal to $0|the same text|identical]
? $0 is [symmetric|symmetrical|the same from left to right and from right to left|its own mirror image|its own reversal]
? [reversing|flipping|turning around] $0 [changes nothing|gives $0 again|gives the same text|leaves it unchanged|makes no difference]
? $0 and [its reverse|its reversed form|its mirror image] [are equal|match|are the same|are identical]
? $0 is [a palindrome word|a palindromic string|a text that reads the same either way]""",
    "count_vowels": """
= [how many times a vowel|how often a vowel] [occurs|appears|shows up] in $0
= [how many|the number of|the quantity of|a tally of|the amount of] [characters|letters] [in|of] $0 [that are vowels|that are one of a, e, i, o, u|which are vowels]
= how many of the [letters|characters] [in|of] $0 are vowels
= how many a, e, i, o and u [letters |]there are in $0
= [a tally of|the sum of|the total of|the quantity of] [all |the |][vowels|vowel letters|vowel characters] [found |]in $0
! [tally|count up|add up|total up] [the|all the|all] vowels [in|of|found in] $0
! go through $0 and count [the|every|each] [vowels|vowel]
! count every [letter|character] [in|of] $0 that is [a vowel|a, e, i, o or u|one of a, e, i, o, u]""",
    "count_consonants": """
= how many of the [letters|characters] [in|of] $0 are [consonants|not vowels]
= how many [letters|consonant letters] [in|of] $0 are [consonants|not a, e, i, o or u|no vowels]
= [a tally|the total|the total number|the amount|the quantity] of [consonants|consonant letters|letters other than vowels|non-vowel letters] [found |]in $0
= the consonant count of $0
= [how often|how many times] a consonant [occurs|appears] in $0
! [tally|count up|count] [all|the|all the] [consonants|consonant letters|letters other than vowels|letters that are no vowels|non-vowel letters] [in|of] $0
! go through $0 and count [every|each] [consonant|letter that is not a vowel]""",
    "remove_vowels": """
= $0 [stripped|rid|cleared|emptied] of [its |all |all its |]vowels
= [what is left of|what remains of|the rest of|what stays of] $0 [after|once|when] [the |all |its |]vowels are [removed|deleted|gone|taken away|stripped out]
= $0 [minus|except for|leaving out|with none of|excluding] [its|the|all] vowels
= [a copy of |]$0 [in which|where] [all |]vowels are [left out|missing|removed|skipped]
= only the [characters|letters] of $0 that are [not vowels|no vowels|not a, e, i, o or u]
! [get rid of|throw out|take out|strip out|cut out|eliminate|erase|leave out|filter out] [all|the|every|all the] [vowels|vowel] [in|from|of] $0
! [remove|delete|erase] [every|each|any] [a, e, i, o and u|letter that is a vowel|vowel letter] [from|in] $0
! keep only the [characters|letters] [of|in] $0 that are [not vowels|no vowels]
! copy $0 [but skip|but leave out|without] [the|any|all] vowels""",
    "to_upper": """
= $0 [with [all|its|all its|the] letters|with every letter|with each letter|with every character] [capitalized|in upper[ |]case|as a capital|made big|in capitals|made upper[ |]case|uppercased]
= $0 [shouted|in block letters|all in capitals|entirely in upper[ |]case|in big letters|uppercased]
= [an all caps|an all-caps|an upper[ |-|]case|a fully capitalized] [version|copy] of $0
! [make|turn] [every|each] [letter|character] [of|in] $0 [into |][a capital|upper[ |]case|a capital letter]
! [put|write|print|spell] $0 in [all caps|capitals|capital letters|upper[ |]case|big letters|block letters]
! capitalize [every letter|all letters|all the letters|each character] [of|in] $0
! [change|switch|raise|convert] [all|the|all the] letters [of|in] $0 to [capitals|upper[ |]case]
! shout $0""",
    "to_lower": """
= $0 [with [all|its|all its|the] letters|with every letter|with each letter|with no capitals but every letter] [in lower[ |]case|made small|lowercased|made lower[ |]case]
= $0 [all in small letters|entirely in lower[ |]case|lowercased|with no capital letters left|with capitals made small|with all capitals turned into small letters]
= [an all lower[ |-|]case|a lower[ |-|]case|a lowercased] [version|copy] of $0
! [make|turn] [every|each] [letter|character] [of|in] $0 [lower[ |]case|small|into lower[ |]case|into a small letter]
! [put|write|print|spell] $0 in [lower[ |]case|small letters|lower[ |]case letters]
! [change|switch|convert|bring] [all|the|all the] [letters|capitals] [of|in] $0 [down |]to [small letters|lower[ |]case]
! get rid of capitals in $0 by making them small""",
    "swap_case": """
= $0 with [capitals|upper[ |]case|capital letters|big letters] [made|turned] [small|lower[ |]case|into small letters] and [small letters|lower[ |]case|the others] [made|turned] [big|upper[ |]case|into capitals]
= $0 with [the case of [each|every] [character|letter]|the case of its letters|its case|all cases] [flipped|toggled|inverted|reversed|switched]
= $0 with [upper|upper[ |]case letters] and [lower|lower[ |]case letters] [case |][exchanged|switched|interchanged|the other way round|traded]
! [flip|toggle|invert|switch|reverse] the case of [each letter|every letter|all letters|each character|the letters] [of|in] $0
! [flip|toggle|invert|switch] [upper and lower case|the case|letter case] [in|of|throughout] $0
! [make|turn] [capitals|capital letters|big letters|upper[ |]case letters] [in|of] $0 [small|lower[ |]case] and [small letters|lower[ |]case letters|small ones] [big|upper[ |]case|capital]
! turn [upper|upper[ |]case|capitals] into [lower|lower[ |]case|small letters] and [vice versa|the other way round] in $0""",
    "string_length": """
= [the size|the char count|the character count|the length in characters|the total number of characters] of [the string |the text |]$0
= how [big|long] [the string|the text] $0 is
= how many [characters|letters and other characters|symbols|chars] [make up $0|$0 is made of|$0 consists of|there are in $0|$0 is long]
= the [amount|quantity|total] of [characters|symbols] [in|of] $0
! [tell|say|find out|determine|work out|see] how [long $0 is|many characters $0 has|long the string $0 is]
! [count|tally|count up] [all|every one of] the [characters|symbols|chars] [in|of|that make up] $0
! [get|find] the [length|size] of [the string|the text] $0""",
    "word_count": """
= [how many|the number of|the total of|the amount of] [separate |individual |]words [make up $0|$0 consists of|$0 is made of|occur in $0]
= how many words long $0 is
= [the total|a tally|the quantity|the amount] of words [found |]in $0
= the length of $0 [in words|counted in words|measured in words]
= how many [words|pieces] you get [when|by] splitting $0 at [spaces|the spaces|whitespace]
! [tally|count up|number|count] [all|all the|the|every one of the] words [in|of|that make up] $0
! [tell|say|find out|see|work out] how many words [$0 has|are in $0|there are in $0|$0 contains]
! split $0 [at spaces |on spaces |into words |]and count [the pieces|the words|what you get]""",
    "longest_word": """
= the [word|one] [among|from|of] the words [of|in] $0 [that has the most letters|with the greatest length|that is longest|having the most letters]
= the word with the [greatest|largest|maximum|biggest] length in $0
= [whichever|whatever|which] word [in|of] $0 [is longest|has the most letters|is the longest]
= the [biggest|lengthiest] word [in|of|found in|that occurs in] $0
= the one word [in|of] $0 that is longer than [the others|all the others|the rest]
! [get|look for|search for|locate|choose|select|identify|figure out] the [longest|lengthiest|biggest] word [in|of|from|inside] $0
! [split $0 into words|look at the words of $0|go through the words of $0] and [return|pick|give back|take|keep] the longest [one|]
! find [out |]which word [in|of] $0 [is longest|is the longest|has the most letters]""",
    "shortest_word": """
= the [word|one] [among|from|of] the words [of|in] $0 [that has the fewest letters|with the smallest length|that is shortest|having the fewest letters]
= the word with the [least|smallest|minimum|lowest] length in $0
= [whichever|whatever|which] word [in|of] $0 [is shortest|has the fewest letters|is the shortest]
= the [smallest|tiniest|briefest] word [in|of|found in] $0
= the one word [in|of] $0 that is shorter than [the others|all the others|the rest]
! [get|look for|search for|locate|choose|select|identify|figure out] the [shortest|smallest|briefest] word [in|of|from|inside] $0
! [split $0 into words|look at the words of $0|go through the words of $0] and [return|pick|give back|take|keep] the shortest [one|]
! find [out |]which word [in|of] $0 [is shortest|is the shortest|has the fewest letters]""",
    "reverse_words": """
= the [words|sentence] [in|of] $0 [from last to first|back to front by word|with the last word first|starting with the last word|starting from the end|in backward order]
= $0 with [the last word first|its last word first and its first word last|its words back to front|its words the other way round|its words in backward order]
= [a sentence|a text] [with|made of] the words of $0 [from last to first|backwards|the other way round|in the reverse order]
= the sentence $0 [with the words turned around|word by word from the end|backwards word by word]
! [flip|turn around|invert|mirror] the [order of the words|word order|sequence of words] [in|of] $0
! [write|put|list|say|give] the words of $0 [from last to first|backwards|from the end to the start|the other way round|with the last one first]
! [reverse|flip|turn around] $0 word by word[, keeping each word intact|, keeping the words themselves|]
! make the last word of $0 [come |]first and the first [one |]last""",
    "reverse_each_word": """
= $0 with [each|every|each single] word [written|turned|spelled|read] [backwards|around|back to front], [but the words|but] in [the same|their|unchanged] order
= $0 with [each|every] [single |]word [flipped|mirrored|turned around|backwards] [in place|where it stands|but the word order kept|]
= the words of $0, each [one |][reversed|spelled backwards|written backwards|flipped]
= the sentence $0 with [the letters inside each word|every word's letters|each word's characters] [reversed|backwards|in reverse order|flipped]
! [flip|mirror|turn around|invert] [each|every] [single |]word [of|in] $0 [in place|separately|on its own|without changing the word order|but keep the word order|individually|]
! [write|spell|print] [each|every] word [of|in] $0 [backwards|back to front|from right to left]
! [reverse|flip] the [letters|characters] [within|inside] [each|every] word of $0
! keep the order of the words of $0 but [reverse|flip|spell backwards] each [word|one|of them]""",
    "title_case": """
= $0 with [each|every] word [starting|beginning] with [a capital|a capital letter|an upper[ |]case letter]
= $0 [with capital initials|written like a title|as a title|styled as a headline|with its words capitalized|with all words capitalized]
= $0 with [a capital letter at the start|the initial letter|the first character] of [each|every] word [made big|in upper[ |]case|]
= the words of $0, each [capitalized|with a capital first letter|starting with a capital]
! [make|let] [each|every] word [of|in] $0 [start|begin] with [a capital|a capital letter|an upper[ |]case letter]
! [put|write|convert|format|turn] $0 [in|into|to] [title case|title-case|headline style]
! [uppercase|upper-case|capitalize|raise] the [first letter|initial|first character|initial letter] of [each|every] word [in|of] $0
! [give|put] [each|every] word [in|of] $0 a capital [first letter|initial]""",
    "count_digits_in_text": """
= [how many|the number of|the total of] [characters|symbols] [in|of] $0 [that are digits|which are digits|that are numeric|from 0 to 9]
= how many of the characters [in|of] $0 are [digits|numeric|numerals|numbers]
= [a tally|the total|the amount|the quantity] of [digits|numerals|digit characters] [found |]in [the text |the string |]$0
= how many numeric [characters|digits] [there are in|occur in|show up in] [the string |the text |]$0
! [tally|count up|count] [all|all the|the|every one of the] [digits|numerals|numeric characters|digit characters] [in|of|inside] [the string |the text |]$0
! go through $0 and count [every|each] [digit|character that is a digit|numeric character]""",
    "only_digits": """
= [just|nothing but|only] the [digits|digit characters|numeric characters|numerals] [in|of|from|found in] $0
= $0 [stripped of|without|cleared of|minus] [everything that is not a digit|all non-digits|anything but digits|all characters that are no digits|everything except digits]
= [what is left of|what remains of] $0 when [only digits are kept|all non-digits are removed|everything else than digits is removed]
= the [digits|numerals] that [occur|appear] in $0, [joined|put together|one after the other] as a string
! [pull|take|pick|filter|get|fish] [the|all|all the] [digits|numerals|digit characters] out of $0
! [remove|delete|drop|throw away|strip|get rid of] [all non-digits|everything but digits|everything except the digits|all characters that are not digits] [from|in] $0
! [keep|leave|retain] [nothing but|just|only] the [digits|numerals|numeric characters] [of|in|from] $0""",
    "count_upper": """
= how many [characters|letters] [in|of] $0 are [capital|capitals|upper[ |]case|in upper[ |]case|big|capitalized]
= how many of the letters [in|of] $0 are [capitals|upper[ |]case|capital letters|big]
= [a tally|the total|the amount|the quantity] of [capitals|capital letters|upper[ |]case letters|big letters] [found |]in $0
= [how often|how many times] [a capital|a capital letter|an upper[ |]case letter] [occurs|appears] in $0
! [tally|count up|count] [all|all the|the|every one of the] [capitals|capital letters|upper[ |]case letters|upper[ |]case characters|big letters] [in|of|inside] $0
! go through $0 and count [every|each] [capital|capital letter|upper[ |]case letter]""",
    "count_lower": """
= how many [characters|letters] [in|of] $0 are [small|lower[ |]case|in lower[ |]case|not capitalized]
= how many of the letters [in|of] $0 are [small|lower[ |]case|small letters]
= [a tally|the total|the amount|the quantity] of [small letters|lower[ |]case letters|lower[ |]case characters] [found |]in $0
= [how often|how many times] [a small letter|a lower[ |]case letter] [occurs|appears] in $0
! [tally|count up|count] [all|all the|the|every one of the] [small letters|lower[ |]case letters|lower[ |]case characters] [in|of|inside] $0
! go through $0 and count [every|each] [small letter|lower[ |]case letter]""",
    "remove_spaces": """
= $0 [with no|minus the|stripped of|cleared of|free of|lacking|leaving out] [spaces|blanks|space characters]
= $0 [squeezed together|written together|run together|as one block] [without gaps|without any spaces|with no blanks between]
= [what is left of|what remains of] $0 [after|once|when] [all |the |]spaces are [removed|deleted|gone|taken out]
= the [characters|letters] of $0 [except|other than|but not] [the |]spaces
! [get rid of|throw out|strip out|cut out|eliminate|erase|leave out|filter out|squeeze out] [all|the|every|any|all the] [space|spaces|blanks|space characters] [in|from|of] $0
! [close up|close|squeeze] [all |the |]gaps between the words [of|in] $0
! copy $0 [but skip|but leave out|without] the spaces""",
    "trim": """
= $0 [without|minus|cleared of|free of] [surrounding|outer] [spaces|whitespace|blanks]
= $0 with [surrounding|leading and trailing|outer] [whitespace|blanks|spaces] [removed|cut off|stripped|taken off|trimmed]
= $0 with no [spaces|whitespace|blanks] [around it|at the start or end|before or after it|on either side|at either end]
= a [cleaned|trimmed|stripped] copy of $0
! [cut off|strip off|take off|trim off|get rid of|strip away|delete|drop] [the |any |all |][surrounding|outer|leading and trailing] [spaces|whitespace|blanks] [of|from|around] $0
! [remove|delete|drop|cut] [spaces|whitespace|blanks] [from both ends of|at the beginning and the end of|on both sides of|around] $0
! clean up the [ends|edges] of $0 by removing [spaces|whitespace]""",
    "replace_spaces": """
= $0 with [underscores|an underscore] [instead of|in place of|where there were|for] [each space|every space|the spaces|spaces|blanks|every blank]
= $0 [with its words|with the words] [joined|connected|linked|separated] by underscores [instead of spaces|rather than spaces]
= $0 with [each|every] [space|blank] [changed|turned|converted|made] [to|into] [an underscore|_]
= [a copy of |]$0 that has underscores where $0 has spaces
! [swap|change|exchange|substitute] [every|each|any] [space|blank] [in|of] $0 [for|to|by|with] [an underscore|_]
! [put|write|insert|use] [underscores|an underscore] [instead of|in place of] [spaces|the spaces|every space|each blank] in $0
! [change|convert|make|swap] [all |the |]spaces [in|of] $0 [to|into] underscores""",
    "char_freq": """
= [how often|how many times] [each|every] [character|letter|symbol] [occurs|appears|shows up|is used] in $0[, as a dict|, as a dictionary|]
= [a frequency table|a letter histogram|a histogram|a frequency map|a frequency count|a tally] of [the |all |][characters|letters] [in|of] $0 [as a dict|]
= a [dict|dictionary|map] [telling|saying|that tells|showing] how often [each|every] [character|letter] [occurs|appears|is used] in $0
= a [dict|dictionary|map] with the [characters|letters] of $0 as keys and [their counts|how often they occur|the number of times they occur] as values
! [tally|count up] [the characters|the letters|all characters|each letter] [of|in] $0 in a [dict|dictionary|map]
! [build|make|create] a [dict|dictionary|mapping|map|table] [of|with] [character|letter] [counts|frequencies] for $0
! for [each|every] [character|letter] [of|in] $0, count how [often|many times] it [occurs|appears]
! [map|relate|match] [each|every] [character|letter] of $0 to [its frequency|its count|how often it appears]""",
    "sort_chars": """
= $0 with [its|the|all] [characters|letters] [arranged|put|ordered|rearranged] [alphabetically|in alphabetical order|from a to z|in order|by the alphabet|in ascending order]
= the [characters|letters] of $0 [sorted|ordered alphabetically|from a to z|arranged in order] [and joined again|as one string|]
= [an alphabetically ordered|a sorted|an ordered] [version|copy] of the [characters|letters] of $0
! [arrange|order|rearrange|put in order] the [letters|characters] [of|in] $0 [alphabetically|from a to z|in alphabetical order|]
! [put|bring] the [letters|characters] of $0 [in|into] [alphabetical|sorted|ascending|the right] order
! sort $0 [by character|letter by letter|character by character|alphabetically by letter]""",
    "sort_words": """
= the words [of|in] $0 [alphabetically|sorted|sorted alphabetically|from a to z|ordered by the alphabet|put in order] [as one string|as a sentence|joined by spaces|]
= $0 with [its|the|all] words [arranged|put|ordered|rearranged] [alphabetically|in alphabetical order|from a to z|in order|like in a dictionary]
= [a sentence|a text|a string] [with|made of|of] the words of $0 [in alphabetical order|sorted|from a to z]
! [arrange|order|rearrange|alphabetize|put in order] the words [of|in] $0 [alphabetically|from a to z|in alphabetical order|]
! [bring|put|write] the words of $0 [in|into] [sorted|alphabetical|dictionary] order
! sort $0 word by word""",
    "unique_chars": """
? [no|not a single] [character|letter] [in|of] $0 is [repeated|there twice|used more than once|a repeat|used twice]
? $0 [is free of|is without|does not have] [repeated|duplicate|double|repeating] [characters|letters]
? [each|every] [character|letter] [of|in] $0 [occurs|appears|is used] [only once|just once|exactly once|no more than once]
? the [characters|letters] [of|in] $0 are all [different|distinct|unique|different from each other]
? $0 [never uses a character twice|uses no letter twice|repeats no character|never repeats a letter]
? $0 consists of [different|distinct|unique] [characters|letters] [only|]
? [none|not one] of the [characters|letters] [in|of] $0 [occurs|appears] twice""",
    "first_char": """
= the [opening|initial|very first|front] [character|letter] of [the string |the text |]$0
= the [character|letter] [at the start|at the beginning|at the front|in front|at index 0|in first position] of $0
= [the letter|the character|what] $0 [starts|begins] with
= the start of $0, one character [long|]
! [take|pick|fetch|grab|find|extract] the [first|initial|opening|leading] [character|letter] [of|from] $0
! cut $0 down to its first [character|letter]
! find out with which [character|letter] $0 [starts|begins]""",
    "last_char": """
= the [closing|ending|very last|rightmost|end] [character|letter] of [the string |the text |]$0
= the [character|letter] [at the end|at the very end|in last position|at the back] of $0
= [the letter|the character|what] $0 [ends|finishes] with
= the end of $0, one character [long|]
! [take|pick|fetch|grab|find|extract] the [last|final|closing|rightmost] [character|letter] [of|from] $0
! cut $0 down to its last [character|letter]
! find out with which [character|letter] $0 [ends|finishes]""",
    "initials": """
= the [first|initial|starting|leading] [letter|character] of [each|every] word [of|in] $0[, as capitals|, in upper[ |]case|] [put together|joined|in a row|one after the other|as one string|]
= an abbreviation [made of|built from|from] the [first letters|initials|starting letters] of [the words in |the words of |]$0
= [a short form|the short form|an acronym|an abbreviation] [of|for|made from|from] [the words [in|of] |]$0
= the word initials of $0 [as capitals|as one string|]
! [make|build|form|create] [an acronym|an abbreviation|initials] [from|of|out of] [the words [of|in] |]$0
! [put together|string together|combine|collect|join] the [initials|first letters|starting letters] of [all |]the words [of|in] $0
! abbreviate $0 [to its initials|to its first letters|by the first letter of each word]""",
    "first_word": """
= the [opening|initial|very first|leading|starting] word of [the text |the sentence |]$0
= the word [at the start|at the beginning|at the front|that comes first] [of|in] $0
= the word [with which $0 [starts|begins]|$0 [starts|begins] with]
= everything in $0 before the first space
= whichever word comes first in $0
! [take|pick|fetch|grab|find|extract|read] the [first|opening|initial] word [of|from|in] [the text |the sentence |]$0
! cut $0 down to its first word
! split $0 and [take|return|keep|give back] the first [word|piece]""",
    "last_word": """
= the [closing|ending|very last|rightmost] word of [the text |the sentence |]$0
= the word [at the end|at the very end|at the back|that comes last] [of|in] $0
= the word [with which $0 [ends|finishes]|$0 [ends|finishes] with]
= everything in $0 after the last space
= whichever word comes last in $0
! [take|pick|fetch|grab|find|extract|read] the [last|final|closing] word [of|from|in] [the text |the sentence |]$0
! cut $0 down to its last word
! split $0 and [take|return|keep|give back] the last [word|piece]""",
    "word_list": """
= [all |]the [words|individual words|separate words|single words] [in|of|that make up] $0 [as a list|in a list|as a list of strings|as separate strings]
= $0 [split|broken|divided|cut|separated|chopped] [up |][into [words|its words|a list of words|single words]|at the spaces|at spaces|by whitespace|on whitespace]
= [a list|an array] [that holds|holding|containing] [each|every] word [of|in] $0
! [break|divide|cut|chop|separate|tokenize] [up |][the text |the sentence |]$0 [into|in] [words|its words|a list of words|single words|separate words]
! [break|divide|split|cut] $0 [up |][at|by|on] [spaces|the spaces|whitespace|every space]
! [list|collect|gather] [all |]the words [in|of|from] $0 [in a list|]""",
    "word_lengths": """
= how many [letters|characters] [each|every] word [of|in] $0 has[, as a list|, in a list|]
= the [size|length|number of letters|number of characters] of [each|every] [single |]word [of|in] $0[, as a list|]
= a list [telling|saying|of] how long [each|every] word [of|in] $0 is
= the word [lengths|sizes] [in|of|for] $0 [as a list|in order|as numbers|]
! [measure|determine|work out|collect] the [length|size] of [each|every] word [in|of] $0
! [replace|map] [each|every] word [of|in] $0 [by|with|to] its [length|number of letters]
! for [each|every] word [of|in] $0, [give|list|count|note] [its length|how many letters it has|how long it is]
! split $0 and [list|collect|give] the lengths of the [pieces|words]""",
    "count_char": """
= how [many times|often] [you can find $1|you find $1|$1 shows up|$1 turns up|$1 comes up|$1 is used|$1 can be found] in $0
= how many [times $1 is in $0|$1 there are in $0|occurrences of $1 there are in $0|occurrences of $1 $0 has|copies of $1 are in $0]
= [a tally|the total|the total number|the amount] of [$1|occurrences of $1|appearances of $1] [in|inside|within] $0
= the frequency of $1 in $0
! [tally|count up|number] [the occurrences|all occurrences|the appearances|every occurrence|every appearance] of $1 [in|inside|within] $0
! count how [often|many times] $1 [occurs|appears|is|shows up] in $0
! [search|go through|look through|scan] $0 [for $1 and count the hits|and count every $1|and count how often $1 occurs]""",
    "remove_char": """
= $0 with [no|none of the] $1 [left|in it|remaining|any more]
= $0 [stripped of|minus|cleared of|free of|except for|leaving out] [every|each|all|any] $1
= [what is left of|what remains of] $0 [after|once|when] [every|each|all] $1 [is|has been] [removed|deleted|gone|taken out]
= [a copy of |]$0 [in which|where] [every |each |]$1 is [left out|missing|skipped|removed]
! [get rid of|throw out|take out|strip out|cut out|eliminate|erase|leave out|filter out] [every|each|any|all] [$1|occurrence of $1] [in|from|of] $0
! [strip|clean|clear|free] $0 of [$1|every $1|any $1|all $1]
! replace [every|each] $1 [in|of] $0 [by|with] nothing
! copy $0 [but skip|but leave out|without] [every|any] $1""",
    "repeat_string": """
= $0 [written|printed|said|put|copied|concatenated] $1 times [in a row|one after another|over|in succession|]
= [a string|a text|one string] [with|made of|of|consisting of] $1 [copies|repetitions|repeats] of $0 [in a row|one after another|]
= $0 [multiplied|times|multiplied as a string by] $1[, as a string|, as text]
= the string $0 $1 times [over|after itself]
! [write|say|print|copy|put] $0 $1 times [in a row|one after another|in succession|over and over|]
! [string together|join|concatenate|put together] $1 copies of $0
! duplicate $0 until there are $1 [copies|of it]""",
    "first_chars": """
= [the start|the beginning|the front part|the opening part|the prefix] of $0, $1 [characters|letters] long
= [the prefix|the beginning|the start] of $0 [with|of] [length $1|$1 characters|$1 letters]
= $0 [limited|shortened|truncated|cut down|trimmed] to [its first |the first |at most |]$1 [characters|letters]
= [only|just] the [leading|opening|first|initial] $1 [characters|letters|chars] of $0
! [take|keep|get|pick|extract|grab] [only |just |]the [first|leading|opening|initial] $1 [characters|letters|chars] [of|from] $0
! [cut|chop] $0 [off |]after [the first |]$1 [characters|letters]
! [limit|trim|reduce] $0 to [a length of $1|$1 characters|its first $1 letters]""",
    "last_chars": """
= [the end|the ending|the back part|the closing part|the suffix|the tail] of $0, $1 [characters|letters] long
= [the suffix|the ending|the end|the tail] of $0 [with|of] [length $1|$1 characters|$1 letters]
= [only|just] the [last|final|closing|trailing|rightmost] $1 [characters|letters|chars] of [the string |the text |]$0
= the $1 [characters|letters] at the end of $0
! [take|keep|get|pick|extract|grab] [only |just |]the [last|final|closing|trailing|rightmost] $1 [characters|letters|chars] [of|from] [the string |the text |]$0
! cut $0 down to its [last|final] $1 [characters|letters]""",
    "starts_with": """
? the [beginning|start|first part|front] of $0 is $1
? $0 has $1 [at the start|at its start|at the beginning|at its beginning|at the front|in front|as its first part|as a prefix|as its prefix]
? $1 [is at the [start|beginning|front] of|comes first in|stands at the beginning of|comes at the start of|opens|is what comes first in|begins] $0
? the first [characters|letters] of $0 are $1
? $0 opens with $1""",
    "ends_with": """
? the [end|ending|last part|tail|back] of $0 is $1
? $0 has $1 [at the end|at its end|at the very end|at the back|as its last part|as a suffix|as its suffix|as its ending]
? $1 [is at the end of|comes last in|stands at the end of|comes at the end of|closes|is what comes last in|is the ending of] $0
? the last [characters|letters] of $0 are $1
? $0 closes with $1""",
    "contains_text": """
? $1 [can be found|is present|is somewhere|is found|is contained|shows up|turns up] [in|inside|within] [the string |the text |]$0
? [the string |the text |]$0 has $1 [in it|somewhere in it|inside|inside it|as a part|as a substring|somewhere]
? $1 is [a part|part|a piece] of [the string |the text |]$0
? [you can|one can] find $1 [in|inside|somewhere in|within] [the string |the text |]$0
? [the string |the text |]$0 [mentions|features|comprises] $1""",
    "is_anagram": """
? $0 and $1 are made [up |][of|from|out of] [the same|exactly the same] [letters|characters]
? $0 and $1 use [the same|exactly the same] [letters|characters] [in a different order|in any order|equally often|]
? you can [form|make|spell|build] $1 [from|with|out of|by rearranging|by shuffling] the [letters|characters] of $0
? [shuffling|rearranging|reordering] [the letters of |]$0 can [give|produce|make] $1
? $1 [is a rearrangement|is a shuffled version|is an anagram|is a permutation] of $0
? $0 and $1 [have|contain] [identical|equal|matching] letters [in some order|after sorting|]
? $0 and $1 are [permutations|rearrangements] of [each other|one another]
? the [sorted |]letters of $0 [and|are the same as those of|match those of|equal the letters of] $1 [are the same|match|]""",
    "join_text": """
= $0 with $1 [added|put|attached|appended|stuck|glued] [at the end|to the end|behind it|after it|to it|on]
= $0 and $1 [put|glued|stuck|strung|run|written] [together|one after the other|together as one string]
= [a string|one string|a text] [that is|made of|consisting of|built from] $0 [and then|followed by|and after it|and] $1
= the [text|string] you get by [joining|concatenating|putting together|gluing together] [the strings |the texts |]$0 and $1
! [glue|stick|put|tack] $1 [onto|on|to|behind|after] [the end of |]$0
! [join|glue together|connect|combine|put together|concat|link] the [strings|texts] $0 and $1
! [write|put] $1 [right |]after $0""",
    "same_text": """
? the [strings|texts|two strings|two texts] $0 and $1 [match|agree|do not differ|coincide|are alike|are exactly the same|are one and the same]
? the [string|text] $0 [is|is equal to|is the same as|is identical to|matches|is identical with|is no different from] the [string |text |]$1
? there is no difference between the [strings|texts] $0 and $1
? the [strings|texts] $0 and $1 [have the same characters in the same order|are spelled the same]""",
}
