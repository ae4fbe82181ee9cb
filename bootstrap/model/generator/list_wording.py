"""More ways to ask for the families about lists of numbers. Data only; see `family.reworded`."""

WORDING = {
    "largest": """
= [whichever|whatever|which] [number|value|element] [in|of] $0 is [the |][largest|biggest|highest|greatest]
= the [top|peak|maximal|record] [value|number|element|entry] [in|of|from|found in] $0
= the [number|value|element] [in|of] $0 that is [larger|bigger|greater] than [all |][the others|the rest]
= the [biggest|largest|highest|greatest|maximum] [one|] [among|out of|from|of] [the |all |][numbers|values|elements|items|entries] [in|of] $0
= the upper end of the values in $0
! [pick|choose|select|get|take|identify|look for|search for] the [largest|biggest|highest|greatest|maximum] [number|value|element|item|entry|one] [in|of|from|out of] $0
! [go through|scan|search|look through] $0 [for|and return|and keep|and find] the [largest|biggest|highest|greatest] [number|value|element|one]
! find [out |]which [number|value] [in|of] $0 is [biggest|largest|highest]
! take the [max|maximum] of $0""",
    "smallest": """
= [whichever|whatever|which] [number|value|element] [in|of] $0 is [the |][smallest|lowest|least]
= the [bottom|minimal|tiniest|least] [value|number|element|entry] [in|of|from|found in] $0
= the [number|value|element] [in|of] $0 that is [smaller|lower|less] than [all |][the others|the rest]
= the [smallest|lowest|minimum] [one|] [among|out of|from|of] [the |all |][numbers|values|elements|items|entries] [in|of] $0
= the lower end of the values in $0
! [pick|choose|select|get|take|identify|look for|search for] the [smallest|lowest|least|minimum] [number|value|element|item|entry|one] [in|of|from|out of] $0
! [go through|scan|search|look through] $0 [for|and return|and keep|and find] the [smallest|lowest] [number|value|element|one]
! find [out |]which [number|value] [in|of] $0 is [smallest|lowest]
! take the [min|minimum] of $0""",
    "average": """
= [how big|how large|what] the [numbers|values|elements] [in|of] $0 are on average
= the [sum|total] of $0 divided by [its length|the number of elements|how many there are|its size|the count]
= the [mean|average|arithmetic average|avg] [value|number|level|] [over|across|of|in] [all |the |all the |][numbers |values |entries |elements |][in |of ]$0
= the [average|mean] [element|entry|number] of $0
= the [average|mean|arithmetic mean] of [all |][the |][entries|elements|items] [in|of] $0
! [add|sum] [up |]$0 and divide by [its length|the number of elements|how many there are|the count]
! [divide|share] the [sum|total] of $0 by [its length|its size|the number of elements|how many elements it has]
! [calculate|compute|work out|get] the [mean|average|arithmetic mean] [over|across|of] [all |the |][values|numbers|elements] [in|of] $0
! average [out |over |][$0|all of $0|everything in $0]""",
    "median": """
= the [value|number|element] [in the middle|halfway|at the middle] of [the sorted $0|$0 when sorted|$0 once it is sorted|$0 after sorting]
= the [middle|central|halfway] [value|number] of $0 [when sorted|once sorted|after sorting|in sorted order]
= the [number|value] that [splits|divides] the sorted [values of |][$0|list $0] into two [halves|equal halves]
= the 50th percentile of $0
= the [statistical median|median|sample median] of [the |all |][numbers|values|elements|entries] [in|of] $0
! sort $0 and [take|return|pick|give back] the [middle value|middle one|middle element|median|middle number]
! [get|find|take|work out|calculate] the median [value |number |element |][of|in|for] $0""",
    "spread": """
= how far [apart |][the |][largest and smallest|smallest and largest|maximum and minimum|biggest and smallest|extremes] [values |numbers |elements |][of|in] $0 are [apart|from each other]
= the [maximum|max|largest|biggest|highest] [value|number|element|] [of|in] $0 [minus|less] the [minimum|min|smallest|lowest] [one|value|]
= the [range|width|span|extent|total spread] of [the values in|values in|the numbers in|the values of] $0, max minus min
= how much [bigger|larger|higher|greater] the [largest|biggest|maximum|highest] [number|value|element] [in|of] $0 is than the [smallest|lowest|minimum] [one|]
= max of $0 minus min of $0
= the [gap|distance|difference] [between|from] the [highest|top|largest|biggest] [and|to] the [lowest|bottom|smallest] [number|value|element|entry] [in|of] $0
! subtract the [smallest|minimum|lowest|min] [number|value|element|] [of|in] $0 from the [largest|maximum|biggest|highest] [one|]
! take the [maximum|largest|biggest] [number|value|] of $0 minus the [minimum|smallest|lowest] [one|]""",
    "first_item": """
= the [element|item|number|value|entry|thing] [at the start|at the beginning|at the front|in front|at index 0|that comes first|in first position|at position 0] [of|in] $0
= the [opening|initial|leading|very first|front|head] [element|item|number|value|entry] of $0
= the head of [the list |]$0
= [what|whatever|whichever element|the element that] $0 [starts|begins] with
! [take|pick|fetch|grab|extract|find|look up] the [first|initial|leading|opening] [element|item|number|value|entry] [of|from|in] $0
! [peek at|read] the [front|start|head] of $0""",
    "last_item": """
= the [element|item|number|value|entry|thing] [at the end|at the very end|at the back|at index -1|that comes last|in last position] [of|in] $0
= the [closing|ending|very last|rearmost|tail] [element|item|number|value|entry] of $0
= the tail element of [the list |]$0
= [what|whatever|whichever element|the element that] $0 [ends|finishes] with
! [take|pick|fetch|grab|extract|find|look up] the [last|final|closing] [element|item|number|value|entry] [of|from|in] $0
! [peek at|read] the [back|end] of $0""",
    "second_largest": """
= the [largest|biggest|highest|greatest] [number|value|element] [of|in] $0 [after|below|apart from|other than|except for|not counting] the [maximum|largest|biggest|highest] [one|]
= the [number|value|element] [in|of] $0 that is [only |][beaten|exceeded|topped] [only |]by the [maximum|largest|biggest]
= the [runner-up|runner up|second best|number two|second biggest|second highest|second greatest] [value |number |element |][in|of|among the values of|among the numbers in] $0
= the [second|2nd] [largest|biggest|highest|greatest] [distinct |][one|entry|item|number|value] [among|of|in] $0
= the [next largest|next biggest|next highest|next greatest] [number|value|element] [in|of] $0 after the [maximum|max|largest]
! [pick|get|look for|search for|take|select] the [second|2nd][ |-][largest|biggest|highest|greatest] [number|value|element|item|entry] [in|of|from] $0
! [drop|ignore|leave out|set aside] the [maximum|largest] of $0 and [return|take|give back] the [largest|biggest|maximum] of the rest
! find the [runner-up|runner up|second best value] [in|of] $0""",
    "second_smallest": """
= the [smallest|lowest|least] [number|value|element] [of|in] $0 [after|above|apart from|other than|except for|not counting] the [minimum|smallest|lowest] [one|]
= the [number|value|element] [in|of] $0 that is only [undercut by|larger than|above] the [minimum|smallest|lowest]
= the [second lowest|second least|next to smallest|next to lowest|second tiniest] [value |number |element |][in|of|among the values of|among the numbers in] $0
= the [second|2nd] [smallest|lowest] [distinct |][one|entry|item|number|value] [among|of|in] $0
= the [next smallest|next lowest] [number|value|element] [in|of] $0 after the [minimum|min|smallest]
! [pick|get|look for|search for|take|select|find] the [second|2nd][ |-][smallest|lowest] [number|value|element|item|entry] [in|of|from] $0
! [drop|ignore|leave out|set aside] the [minimum|smallest] of $0 and [return|take|give back] the [smallest|lowest|minimum] of the rest""",
    "list_length": """
= how [long|big|large] [the list |]$0 is
= how many [things|values|numbers|members|elements] [there are in|are in|$0 contains|$0 holds|are stored in|belong to] [the list |]$0
= the [element count|item count|total number of elements|amount of elements|quantity of items|total count of entries] [of|in] [the list |]$0
= the [count|amount|number|total|tally] of [all |][elements|items|entries|members|things] [in|of] [the list |]$0
= len of $0
! [tell|say|find out|see|determine|work out] how [many elements $0 has|long the list $0 is|many items are in $0|many things are in $0]
! [measure|get] the [length|size] of the list $0
! [tally|count up|count] [everything|the elements|all elements|all items|all the members|the things] in [the list |]$0""",
    "reverse_list": """
= [the list |]$0 [back to front|from the end to the start|from last to first|the other way round|backwards|turned around|flipped around|starting with the last element|in backward order]
= [a reversed copy|a reversed version|the reverse|the reversal|a backwards copy] of [the list|the items of|the elements in] $0
= [a list|a new list] with the [elements|items|numbers|values] of $0 [in reverse|from last to first|back to front|in the opposite order|backwards]
= the list $0 with the last [element|item|one] first
! [turn|flip] [the list |the elements of |]$0 [around|back to front|the other way round|upside down|end to end]
! [put|list|give|write] the [elements|items|numbers|values] of $0 [back to front|from last to first|in reverse order|in opposite order|backwards]
! [go|walk] through $0 [backwards|from the end] and [collect|list] [the elements|what you find|the items]
! [invert|mirror|flip] the [list $0|order of the list $0|order of the elements in $0]""",
    "dedupe": """
= $0 with [every|each] [value|element|number|item] [kept |appearing |listed |]only once
= $0 with [repeated values|repeats|copies|duplicate values|duplicate entries|second occurrences|repetitions] [dropped|left out|removed|taken out|filtered out|deleted]
= [each|every] [different|distinct|unique] [value|element|number|item] [of|in] $0 once[, in order of first appearance|, in the original order|]
= [what is left of|what remains of] $0 [after|when|once] [dropping|removing|deleting] [duplicates|repeats|repeated values]
= [a list|a copy of $0|the list $0] [in which|where] [no value [occurs|appears] twice|every value appears once], [made from $0|from $0]
= the [values|elements|numbers] [that occur|occurring|found] in $0, each [only once|once|listed once]
! [get rid of|throw out|filter out|take out|eliminate|weed out|leave out|delete] [the |any |all |][duplicates|repeats|repeated values|repetitions|duplicate entries|repeated elements] [in|from|of] $0
! [keep|leave] only the first [occurrence|copy|appearance] of [each|every] [value|element|number|item] [in|of] $0
! [list|collect|keep] [each|every] [value|element|number|item] of $0 [only once|just once|once]
! make the [elements|values] of $0 unique""",
    "running_sum": """
= [the sums|the totals|the list of sums|a list of the totals] of [all prefixes of $0|$0 so far|the beginnings of $0|the first one, two, three and so on elements of $0]
= a list [in which|where] [each|every] [entry|element|number|item] is the [sum|total] of [all elements of $0 up to there|$0 up to that point|everything in $0 so far]
= [the|a] [cumulative sum|cumulative total|cumsum|accumulated sums|partial sums|running totals] [of|over|for] $0 [as a list|]
= [at each position|for each position] the [sum|total] of $0 [so far|up to there|up to that position]
= $0 [accumulated|summed cumulatively|added up step by step]
! [accumulate|cumulate] [$0|the sums of $0|the values of $0|the numbers in $0]
! add up $0 [step by step|one by one|from left to right] and [list|collect|keep|note] [the totals|each total|every intermediate sum|the running total]
! [list|collect|give] the [total so far|sum so far|running total|partial sum] [after|at] [each|every] [element|number|item] of $0
! replace [each|every] [number|element|value] [in|of] $0 by the [sum|total] of [everything up to it|all up to and including it]""",
    "is_sorted": """
? $0 [never goes down|never decreases|does not decrease|only goes up or stays level|is non-decreasing|is monotonically increasing|never drops|keeps rising or stays level]
? [each|every] [element|number|value|item] [in|of] $0 is [at least as large as|at least as big as|not smaller than|no smaller than] the [one before|one before it|previous one|preceding one]
? no [element|number|value|item] [in|of] $0 is [larger|bigger|greater] than the [next|next one|one after it|following one]
? [the elements of|the numbers in|the items in] $0 [go up|are lined up from smallest to largest|are arranged in ascending order|run from small to large|are ordered|come in increasing order]
? $0 is [ordered|in sorted order|arranged from smallest to largest|in increasing order|sorted from low to high|sorted upwards|sorted from smallest to largest]
? sorting $0 [would change nothing|changes nothing|leaves it as it is]""",
    "tally": """
= [how often|how many times] [each|every] [element|item|number|value|entry] [of|in|] [$0 |][occurs|appears|shows up|is found] [in $0|there][, as a dict|, as a dictionary|]
= [a frequency table|a histogram|a frequency map|a counter|a frequency count|a tally] [of|for|over] [the |all |][elements|items|numbers|values|entries] [in|of] $0 [as a dict|]
= a [dict|dictionary|map] [telling|saying|that tells|showing] how often [each|every] [element|item|number|value] [occurs|appears] in $0
= a [dict|dictionary|map] with the [elements|values|numbers|items] of $0 as keys and [their counts|how often they occur|the number of times they occur] as values
! [tally|count up|tally up] [the |all the |][elements|items|numbers|values] [of|in] $0 in a [dict|dictionary|map]
! [build|make|create] a [dict|dictionary|mapping|map|table|histogram] [of|with] [element|item|value|number] [counts|frequencies] for $0
! for [each|every] [element|item|number|value] [of|in] $0, count how [often|many times] it [occurs|appears]
! [map|relate|match] [each|every] [element|item|number|value] of $0 to [its frequency|its count|how often it appears|the number of times it occurs]""",
    "most_common": """
= [whichever|whatever|which] [element|item|number|value] [is there|occurs|appears|shows up] [most often|most frequently|the most times|the most] in $0
= the [element|item|number|value] [with|having|that has] the [highest|largest|greatest|biggest|most] [count|frequency|number of occurrences|occurrences] in $0
= the [commonest|prevailing|dominant|most popular|most repeated|most usual|top] [element|item|number|value] [in|of|among the elements of] $0
= the [statistical mode|mode|modal value] of [the |][values|numbers|elements] [in|of] $0
= the [number|element|value] that [is repeated|is found|is listed] most [often |]in $0
! [get|pick|look for|search for|determine|choose|identify] the [most common|most frequent|commonest|most popular|most repeated] [element|item|number|value] [in|of|from] $0
! find [out |]which [element|item|number|value] [occurs|appears|comes up] [most often|most|most frequently] in $0
! find the mode of $0""",
    "every_other": """
= [every|each] [second|other] [element|item|number|value|entry] [in|of|from] $0[, beginning with the first|, starting at index 0|, the first included|]
= $0 with [every|each] [second|other] [element|item|number] [skipped|left out|dropped|removed], [keeping the first|the first kept|beginning by keeping the first]
= the [first, third, fifth|1st, 3rd, 5th] [and so on |]... [element|item|elements|items] of $0
= the [elements|items|numbers] [with|at|in] even [index|indexes|positions|indices] [of|in] $0
= [the elements|the items|what is] at [positions|indices] 0, 2, 4 and so on [of|in] $0
= alternate [elements|items|numbers|values|entries] of $0
! [take|keep|pick|select|collect] [every|each] [other|second] [element|item|number|value] [of|from|in] $0
! [go|step|walk] through $0 [two at a time|in steps of two|in steps of 2] [and collect what you find|]
! skip [every|each] second [element|item|number] of $0""",
    "index_of_max": """
= [where|at which index|at which position|in which place] [in $0 the [largest|biggest|highest|maximum|greatest] [element|value|number|item] [is|stands|sits|is found]|the [largest|biggest|highest|maximum] [element|value|number] of $0 [is|stands|sits|is found]]
= the [place|location|spot|slot|offset|idx] of the [largest|biggest|maximum|highest|greatest] [element|value|number|item] [in|of] $0
= the [argmax|arg max|index of the max|position of the max|index of max] of $0
= the index [at which|where] $0 [is largest|is biggest|has its maximum|has its largest value|is at its highest|peaks]
! [find|locate|tell|look up] [where|at which index] the [largest|biggest|maximum|highest] [element|value|number] [in|of] $0 [is|stands|sits]
! [get|find|look up|work out] the [index|position|location] of the [largest|biggest|highest|maximum|greatest] [element|value|number|item] [in|of] $0
! locate the [largest|biggest|highest|maximum] [element|value|number] [in|of] $0""",
    "index_of_min": """
= [where|at which index|at which position|in which place] [in $0 the [smallest|lowest|least|minimum] [element|value|number|item] [is|stands|sits|is found]|the [smallest|lowest|minimum] [element|value|number] of $0 [is|stands|sits|is found]]
= the [place|location|spot|slot|offset|idx] of the [smallest|minimum|lowest|least] [element|value|number|item] [in|of] $0
= the [argmin|arg min|index of the min|position of the min|index of min] of $0
= the index [at which|where] $0 [is smallest|is lowest|has its minimum|has its smallest value|is at its lowest]
! [find|locate|tell|look up] [where|at which index] the [smallest|minimum|lowest] [element|value|number] [in|of] $0 [is|stands|sits]
! [get|find|look up|work out] the [index|position|location] of the [smallest|lowest|minimum] [element|value|number|item] [in|of] $0
! locate the [smallest|lowest|minimum] [element|value|number] [in|of] $0""",
    "differences": """
= how much [each|every] [element|number|value] [of|in] $0 [differs from|is bigger than|is larger than|grows over] the [one before|previous one|one before it|preceding one][, as a list|]
= [the steps|the jumps|the changes|the gaps|the increments|the distances] [from one|from each] [element|number|value|item] of $0 to the next [as a list|]
= [a list of|the list of|] [each|every] [element|number|value] of $0 minus the [one before|previous one|one before it|preceding one]
= [a list of |]the [consecutive|successive|pairwise|stepwise|adjacent] differences [in|of] $0
= the [deltas|changes|steps|jumps|increments] [between|of] [neighbours|neighbors|successive elements|consecutive values|adjacent numbers] in $0
! subtract [each|every] [element|number|value] of $0 from the [next|next one|one after it|following one] [and list the results|]
! [list|compute|take|collect|work out] the [differences|gaps|changes|steps|jumps] [between|from] [neighbours|neighboring elements|each element and the next|one element to the next|consecutive elements] [of|in] $0""",
    "adjacent_pairs": """
= [each|every] [element|item|number|value] of $0 [paired|together|combined] with the [next|next one|one after it|following one|one that follows][, as tuples|, as a list|]
= [all|the|a list of all|a list of the] pairs of [neighbours|neighbors|neighboring elements|elements next to each other|successive elements|adjacent items|side by side elements] [in|of|from] $0
= [the list of |]the [pairs|tuples|2-tuples] [made of|of|with] [each element and the next|one element and its successor|an element and its right neighbour|every element and the one after it] [in|of] $0
= the sliding windows of [size 2|size two|length 2] over $0[, as tuples|]
= the [successive|overlapping|neighbour|neighbor] pairs [in|of] $0
! pair [each|every|up each] [element|item|number|value] of $0 with [the next|the next one|its successor|the one after it|its right neighbour]
! [zip|match] $0 with [itself shifted by one|its own tail|its elements from the second on]
! [list|collect|make] [all |]pairs of [neighbours|neighbors|adjacent elements|consecutive elements] [in|of|from] $0""",
    "all_positive": """
? [no|not one|none of the] [number|element|value|item] [in|of] $0 is [zero or negative|zero or less|0 or below|negative or zero|below one]
? [each|every single|everything|each and every] [number|element|value|item|one] [in|of] $0 is [above zero|positive|greater than 0|over zero|bigger than zero|more than zero]
? [all|all the|all of the] [numbers|elements|values|items|entries] [in|of] $0 [are above zero|are positive|exceed zero|are greater than 0|lie above zero|are bigger than 0|are strictly positive|are more than zero]
? $0 [consists of|contains|holds|is made up of] [only positive|nothing but positive|just positive|positive] [numbers|values|elements] [only|]
? $0 is [all positive|free of zeros and negatives|entirely positive|without zeros and negatives]
? the smallest [number|value|element] [in|of] $0 is [above zero|positive|greater than 0]""",
    "any_negative": """
? [at least one|one or more|even one] [number|element|value|item|of the numbers|of the values] [in|of] $0 is [negative|below zero|less than zero|under zero|smaller than zero|less than 0|below 0]
? [at least one|any|some] [element|entry|value] [in|of] $0 [is less than 0|has a minus sign|falls below zero|goes below zero|drops below zero]
? [there is|there exists|you can find|one finds] [a|any|some|at least one] [negative|below-zero] [number|element|value] in $0
? $0 [includes|holds|has] [at least one|some|one or more] negative [numbers|number|elements|value]
? [the minimum of|the smallest number in|the smallest value of] $0 is [negative|below zero]
? not all [numbers|values|elements] [in|of] $0 are [zero or more|at least zero|non-negative]""",
    "all_even": """
? [no|not one|none of the] [number|element|value|item] [in|of] $0 is odd
? [each|every single|each and every] [number|element|value|item|one] [in|of] $0 is [even|divisible by two|a multiple of two|divisible by 2|an even number]
? [all|all the|all of the] [numbers|elements|values|items|entries] [in|of] $0 are [divisible by 2|divisible by two|multiples of two|even numbers|multiples of 2]
? $0 [consists of|contains|holds|is made up of] [only even|nothing but even|just even|even] [numbers|values|elements] [only|]
? $0 [is free of|has no|contains no] odd [numbers|values|elements]
? [every|each] [number|element] [in|of] $0 can be halved [without remainder|evenly]""",
    "has_duplicates": """
? [at least one|any|some] [number|element|value|item] [in|of] $0 is [repeated|there more than once|listed twice|a duplicate|there twice|a repeat]
? [two|any two|at least two|some] [elements|items|numbers|values] [in|of] $0 are [equal|the same|identical|equal to each other]
? $0 [repeats|lists twice] [any|some|a] [number|element|value|item] [more than once|]
? [something|anything|a value|a number] [occurs|appears|is found|shows up|comes up] [in $0 more than once|more than once in $0|twice in $0|at least twice in $0|in $0 repeatedly]
? [there are|there exist|you can find] [duplicates|repeats|repeated values|equal elements|double entries] in $0
? the [elements|values|numbers] [in|of] $0 are not all [different|distinct|unique]
? not every [value|element|number] in $0 is unique""",
    "is_empty": """
? [there is|there are] [nothing|no elements|no items|nothing at all|no numbers] in $0
? $0 [contains|holds|has] [nothing|no elements|no numbers|nothing at all|nothing in it|zero elements|not a single element]
? the [length|size|element count] of $0 is [0|zero]
? $0 is [an empty list|without elements|without items|of length 0|of length zero|bare]
? $0 lacks [any elements|items]
? the list $0 is empty""",
    "ends_equal": """
? the [first|opening|initial] [element|item|number|value|entry] of $0 [equals|is equal to|is the same as|matches|is identical to] the [last|final|closing] [one|element|]
? $0 [begins and ends|starts and finishes|opens and closes] with [the same|an equal|one and the same] [element|value|number|item|thing]
? [both ends|the two ends|the ends|the outer elements|the first and the final element|the opening and closing elements] of $0 [are equal|are the same|match|agree|are identical|coincide]
? the [last|final] [element|item|number|value|entry] of $0 [equals|is equal to|is the same as|matches] the first [one|element|]
? $0 ends with the [element|value|number] it [starts|begins] with""",
    "swap_ends": """
= $0 with [its |the |]first and last [element|elements|items|numbers|values|entries] [trading places|switched|interchanged|having changed places|traded|exchanged|the other way round]
= $0 with [its|the] [two ends|ends|outer elements|outermost elements|endpoints] [swapped|exchanged|switched|interchanged]
= [a copy of |]$0 [in which|where] the first and last [elements|items|element] [have traded places|are switched|are swapped|are exchanged|change places]
= $0 with the last [element|item] in front and the first [one |]at the end, [the rest unchanged|the middle unchanged|everything else the same]
! [switch|interchange|trade|flip|exchange] the [first and last|first and the last|two outer|outermost|opening and closing] [elements|items|numbers|values] [of|in] $0
! [swap|switch|exchange] the [ends|two ends|outer elements|first element and the last one|first item with the last one] of $0
! [put|move] the last [element|item] of $0 first and the first [one |]last, keeping [the rest|the middle]""",
    "middle_item": """
= the [element|item|number|value|entry] [in the middle|at the middle|in the centre|in the center|at the center|halfway through|at the middle position|at the middle index] of [the list |]$0
= [what|whatever|which element] [is|stands|sits|lies] [in the middle|in the centre|halfway] of [the list |]$0
= the [middle|centre|center|central|midmost] [element|item|number|value|entry] of [the list |]$0 [as it stands|without sorting|]
= the [element|item] of $0 at [half its length|index len // 2|the position half its length]
! [take|pick|get|find|fetch|grab|return] the [middle|central|centre|center] [element|item|number|value|entry] [of|from] [the list |]$0
! [take|pick|get|find|fetch] the [element|item|number] [in the middle|at the center|halfway] of $0""",
    "without_ends": """
= [only the|the|all the|all|just the] [inner|interior|middle|inside] [elements|items|numbers|values|part] of $0
= $0 [stripped of|minus|leaving out|except for|but for|cleared of] [its|the] [ends|two ends|first and last elements|first and last element|outer elements|outermost items]
= [everything|all elements|all items|what is] [in $0 |]between the first and [the |]last [element|item|one] [of $0|]
= $0 with [both ends|its ends|the two ends|the first and last elements|the first and the last one] [cut off|removed|dropped|left out|deleted|trimmed]
= all [elements |items |]of $0 [but|except] the first and [the |]last [one|]
! [cut off|drop|chop off|trim off|trim|strip|leave out|delete|get rid of] [both ends|the ends|the two ends|the first and last elements|the first and the last item|the outermost elements] of $0
! [keep|take|return] only the [inner|interior|middle] [elements|items|part] of $0
! [drop|delete|leave out] the first and the last [element|item|number|value] [of|from] $0""",
    "contains": """
? $1 [can be found|is present|is found|is contained|shows up|turns up|is somewhere|is a member|is listed|is included] [in|inside|among the elements of|in the list] $0
? $0 has $1 [in it|among its elements|as an element|as a member|somewhere in it]
? $1 [belongs to|is a member of|is part of|is among|is one of the numbers in|is one of the elements of|is among the values in] $0
? [one of the|some|any|at least one] [elements|element|number|value|numbers] [of|in] $0 [equals|is equal to|is|matches] $1
? there is [a|an element equal to|some] $1 in $0
? [you can|one can] find $1 [in|among|somewhere in] $0
? the list $0 [contains|includes|holds] [the number |the value |]$1""",
    "find_index": """
= [where|at which index|at which position|in which place] [in $0 |]$1 [is found|first occurs|first appears|stands|is|sits|is located|comes] [in $0|first]
= the [place|location|spot|slot|offset|idx] [of|where you find|at which you find] $1 in $0
= the [index|position] [at which|where] [$1 is found|$1 first occurs|$1 first appears|$1 stands|you find $1] in $0
= how far into $0 the first $1 is
= the [index|position] of the first [$1|occurrence of $1|element equal to $1|appearance of $1] [in|of] $0
! [get|look up|determine|work out|search for] the [index|position|location|first index] of $1 [in|within] $0
! [locate|look for|search for|look up] $1 in $0 [and return its index|and give its position|and return where it is|]
! [search|look through|scan|go through] $0 for $1 and [return|give back] [its index|its position|where it is]
! find [out |]where $1 [is|stands|first occurs|sits] in $0""",
    "count_value": """
= [how many|the number of|the count of|the amount of] [elements|items|entries|values|numbers] [in|of] [the list |]$0 [that equal|that are equal to|that are|which equal|equal to|matching|that match] $1
= [a tally|the total|the total number] of [occurrences|appearances|copies] of $1 [in|inside|within] the list $0
= how many [copies of $1|times $1] [are|is|there are] in the list $0
= how [often|many times] [you can find $1|you find $1|$1 shows up|$1 comes up|$1 is found|$1 is listed|the number $1 appears|the value $1 occurs] in the list $0
= the [frequency|number of appearances|occurrence count|multiplicity] of $1 in the list $0
! [tally|count up|count] the [occurrences|appearances|copies] of $1 in the list $0
! count how [often|many times] [$1|the value $1|the number $1] [occurs|appears|is|shows up] in the list $0
! count the [elements|items|entries|numbers] [of|in] $0 [that equal|equal to|that are equal to|matching] $1
! [go through|look through|scan] the list $0 and count every $1""",
    "remove_value": """
= the list $0 [stripped of|minus|cleared of|free of|with no|leaving out|except for|excluding] [every|each|any|all] [$1|element equal to $1|occurrence of $1]
= [all|the|only the|just the] [elements|items|values|numbers] [in|of] $0 [other than|except|but not|that differ from|unequal to|that do not equal|that are different from] $1
= [what is left of|what remains of] the list $0 [after|once|when] [every|each|all] $1 [is|has been] [removed|deleted|gone|taken out|filtered out|thrown out]
= the list $0 [in which|where] [every |each |]$1 is [left out|missing|skipped]
! [get rid of|throw out|take out|eliminate|erase|leave out|filter out|delete|drop] [every|each|any|all] [$1|occurrence of $1|element equal to $1|copy of $1] [in|from|of] [the list |]$0
! [keep|take|collect] [only |]the [elements|items|values|numbers] of $0 that [are not|do not equal|differ from|are different from] $1
! [strip|clean|clear|purge] the list $0 of [$1|every $1|any $1|all $1]""",
    "take": """
= [the start|the beginning|the front part|the opening part|the prefix|the head] of [the list |]$0, $1 [elements|items|numbers|entries] long
= [only|just] the [leading|opening|first|initial] $1 [elements|items|numbers|entries|values] of [the list |]$0
= the list $0 [limited|shortened|truncated|cut down|cut off] [to|after] [its first |the first |]$1 [elements|items|numbers|entries]
= the $1 [elements|items|entries] [at the start|at the beginning|at the front|that come first] [of|in] $0
= a list [with|of] the [leading|first|opening] $1 [elements|items|values] of $0
! [keep|get|pick|extract|grab|return] [only |just |]the [first|leading|opening|initial] $1 [elements|items|numbers|entries|values] [of|from|in] [the list |]$0
! [cut|chop|truncate|shorten] the list $0 [off |][after|to] $1 [elements|items|entries]
! [limit|reduce|trim] $0 to [its first|the first|the leading] $1 [elements|items]""",
    "drop": """
= [what is left of|what remains of|the rest of] [the list |]$0 [after|once|when] [its first $1 [elements|items] are [removed|skipped|dropped]|skipping $1 [elements|items]|removing the first $1 [elements|items]|dropping the first $1]
= [the list |]$0 [minus|leaving out|except for|skipping|stripped of] [its|the] [first|leading|opening|initial] $1 [elements|items|numbers|entries|values]
= [the list |]$0 from [index|position] $1 on [to the end|]
= [everything|all elements|all items|the items] [in|of] $0 [past|behind|following|but|except] the first $1 [elements|items|]
= all [elements|items] of $0 [but|except] the first $1
! [leave out|throw away|cut off|chop off|delete|discard|ignore|get rid of] the [first|leading|opening|initial] $1 [elements|items|numbers|entries|values] [of|from|in] [the list |]$0
! [skip|jump over|pass over] $1 [elements|items] of $0 and [return|give back|keep|take] [the rest|what follows|what is left]
! [cut|chop] $1 [elements|items] off the [front|start|beginning] of $0""",
    "last_items": """
= [the end|the ending|the back part|the closing part|the tail|the suffix] of [the list |]$0, $1 [elements|items|numbers|entries] long
= [only|just] the [last|final|closing|trailing] $1 [elements|items|numbers|entries|values] of [the list |]$0
= the $1 [elements|items|entries] [at the end|at the back|that come last] [of|in] [the list |]$0
= a list [with|of] the [final|last|trailing] $1 [elements|items|values|numbers] of $0
! [keep|get|pick|extract|grab|return] [only |just |]the [last|final|closing|trailing] $1 [elements|items|numbers|entries|values] [of|from|in] [the list |]$0
! [cut|reduce|limit|trim] the list $0 [down |]to its [last|final] $1 [elements|items|entries]""",
    "every_nth": """
= [the elements|the items|what you find] [of|in] $0 [in steps of|at steps of|with step|with a step of|at intervals of|spaced by] $1[, from the first|, starting with the first|]
= one [element|item|number] [out of|in|of] every $1 [of|from|in] $0[, beginning with the first|]
= [each|every] $1[-th|th| th] [element|item|number|value|entry] [of|in|from] $0[, starting with the first|, beginning at index 0|]
= $0 with a [step|stride] of $1
= the [elements|items] of $0 at [indices|positions] 0, $1, 2 * $1 and so on
= the [elements|items] of $0 [whose index is|whose position is|at indices that are] [divisible by|a multiple of] $1
! [take|keep|pick|select|collect] [each|every] $1[-th|th| th] [element|item|number|value|entry] [of|from|in] $0
! [go|step|walk] through $0 in steps of $1 [and collect what you find|and collect the elements|]
! [sample|thin out] $0 [at|with] [a step of|every] $1""",
    "chunks": """
= [the list |]$0 [broken|chopped|sliced|separated|partitioned|grouped] [up |]into [chunks|pieces|groups|sublists|batches|lists|blocks|parts] of [size|length|at most|] $1
= [a list of|the] [sublists|pieces|groups|batches|slices|blocks|chunks|parts] of $0 [with|of|having] [up to |at most |]$1 [elements|items] each
= the [elements|items|numbers] of $0 [in groups of|grouped by|in batches of|taken in groups of|bundled in lists of] $1
= $0 $1 [elements|items] at a time[, as a list of lists|]
= [the |]successive [slices|chunks|pieces|groups|batches] of $0 of [size|length] $1
! [break|chop|slice|separate|partition|group|bundle] [the list |]$0 [up |]into [chunks|pieces|groups|sublists|batches|lists|blocks|parts] of [size|length|at most|] $1
! [group|bundle|batch] the [elements|items|numbers] of $0 [by|in groups of|into lists of|in batches of] $1
! [go|walk] through $0 [and collect|collecting] $1 [elements|items] at a time""",
    "rotate": """
= $0 [shifted|turned|moved|cycled|rolled] [cyclically |][left|to the left] by $1 [places|positions|steps|] [, wrapping around|]
= $0 with [the|its] [first|leading|front] $1 [elements|items] [taken from the front and put|put|placed|sent|attached|appended] [at the end|to the back|to the end|at the back]
= [what is left of $0 after dropping|$0 from index $1 on, then] the first $1 [elements|items], [followed by those first ones|then those first ones|and then those]
= a [left rotation|rotation to the left] of $0 by $1 [places|positions|]
! [shift|turn|move|cycle|roll] [the elements of |the list |the items of |]$0 [cyclically |][left|to the left] by $1 [places|positions|steps|]
! [move|send|put|take] the first $1 [elements|items|numbers] of $0 to the [end|back|rear]
! left-rotate $0 by $1 [places|positions|]
! [cycle|rotate] $0 [left |]$1 [times|places|steps] [to the left|]""",
    "add_to_each": """
= $0 with [each|every|all] [element|number|value|item|entry|elements] [increased|raised|shifted|incremented|made bigger] by $1
= [all |the |][elements|numbers|values|items] of $0 [raised|increased|shifted|incremented] by $1
= [a list|a new list] [in which|where] [each|every] [element|number|value|item] of $0 is [larger by $1|bigger by $1|$1 more|$1 larger|increased by $1]
= [each|every] [number|element|value] in $0 plus $1[, as a list|]
= the list $0 [plus|with an offset of|moved up by|shifted up by] $1 [elementwise|for each element|element by element|everywhere]
! [increase|raise|shift|increment|bump] [each|every|all] [element|number|value|item|entry|one] [of|in] $0 by $1
! [increase|raise|shift|increment] [all the |all |the |][elements|numbers|values|items] [of|in] $0 by $1
! add $1 to [all|everything in|all of|all the numbers in|all elements of] $0
! make [each|every] [element|number|value] [of|in] $0 $1 [larger|bigger|more]""",
    "scale": """
= $0 with [each|every|all] [element|number|value|item|entry|elements] [scaled|multiplied|magnified|stretched] by [a factor of |the factor |]$1
= [all |the |][elements|numbers|values|items] of $0 [scaled|multiplied] by $1
= [a list|a new list] [in which|where] [each|every] [element|number|value|item] of $0 is [$1 times as large|$1 times as big|multiplied by $1|scaled by $1]
= [each|every] [number|element|value] in $0 times $1[, as a list|]
= the list $0 [times|scaled by|multiplied by] $1 [elementwise|for each element|element by element|everywhere]
= $1 times [each|every] [number|element|value] [in|of] $0[, as a list|]
! [scale|multiply|magnify] [each|every|all] [element|number|value|item|entry|one] [of|in] $0 [by|with] $1
! [scale|multiply] [all the |all |the |][elements|numbers|values|items] [of|in] [the list |]$0 by $1
! scale [the list |]$0 by [a factor of |the factor |]$1
! make [each|every] [element|number|value] [of|in] $0 $1 times as [large|big]""",
    "two_sum": """
? [two|any two|some two|two different] of the [numbers|elements|values|items] in $0 [add up to|sum to|make|total|give|have the sum|together make|come to] $1 [when added|together|]
? there [are|exist] two [numbers|elements|values|items] in $0 [that add up to|whose sum is|that sum to|that together make|which total|with sum] $1
? [some|a|any] pair [of numbers|of elements|of values|] [in|from|of] $0 [has the sum|totals|adds to|makes|sums to] $1
? $1 is the sum of two [numbers|elements|values|items] [in|of|from] $0
? $1 can be [made|written|reached|formed|obtained] [by adding|as the sum of|from] two [numbers|elements|values] [in|of|from] $0
? you can [find|pick|choose] two [numbers|elements|values] [in|from] $0 [that add up to|whose sum is|that sum to|which make] $1""",
    "concat_lists": """
= [the list |]$0 [with|and] [the list |][the elements of |the items of |]$1 [added|put|attached|appended|tacked on] [at the end|to the end|behind it|after it|]
= [the elements of |the lists |][$0 and then|$0 and after it|$0 and behind it] [those of |the elements of |the list |]$1 [in one list|as one list|]
= [one list|a single list|a list] [with|of|holding|containing] [all |]the [elements|items] of $0 [and then|followed by|and after them] [those|the elements|the items] of $1
= the lists $0 and $1 [put|chained|strung|glued|joined|stuck] together [in this order|]
= [the list |]$0 [extended by|extended with|plus] [the list |]$1 [, as lists|]
! [put|chain|string|glue|stick|link] the lists $0 and $1 together
! [attach|add|put|tack] [the list |the elements of |the items of ]$1 [to the end of|behind|after|onto] [the list |]$0
! extend [the list |]$0 [by|with] [the list|the elements of|the items of] $1
! make one list [out of|from] [the lists |][$0 and then $1|$0 followed by $1]""",
    "merge_sorted": """
= [all|all the|the] [elements|numbers|values|items] of $0 and $1 [together|], [sorted|in ascending order|in order|in one sorted list|from low to high|from smallest to largest]
= $0 and $1 [combined|put together|joined|concatenated|thrown together|mixed] and [then |]sorted
= [one|a single] [sorted|ordered|ascending] list [with|of|made of|from] [everything in|the elements of|all numbers of|the values of|the items of] [both |]$0 and $1
= the [sorted|ordered] [combination|concatenation|merge] of $0 and $1
= what $0 and $1 hold together, sorted
! [combine|join|put together|concatenate] $0 and $1 and [sort|order] [the result|everything|them|the whole]
! [put|bring] [all |the |all the ][elements|numbers|values] of $0 and $1 into [one |a single |a ][sorted|ordered|ascending] list
! [merge|combine|fuse] [the lists |][$0 and $1|$0 with $1] into [sorted order|an ordered list|one ascending list]
! sort [the combined|all] [elements|numbers|values] of [both |]$0 and $1""",
    "intersection": """
= [everything|all elements|all values|what] [in $0 that is|of $0 that is|from $0 that is] also [found |contained |present |]in $1
= [what|the elements|the values|the numbers] [both lists|both] $0 and $1 [have in common|share|contain|have]
= the [elements|values|numbers|items] [found|present|contained|occurring|that occur|that are|that appear] in both $0 and $1
= the [overlap|common part|shared elements|common elements|common values|shared values] [of|between] $0 and $1
= the [elements|items|values|numbers] of $0 [which|that] $1 [contains too|has as well|also has|also contains]
! [keep|take|collect|list] [only |]the [elements|items|values|numbers] of $0 that [are also in|occur in|also occur in|can be found in] $1
! [find|list|collect|get] [what|the elements that|the values that|the numbers that] $0 and $1 [have in common|share|both contain]
! intersect $0 [and|with] $1""",
    "list_difference": """
= [everything|all elements|all values|what is|whatever is] in $0 [that is not|but not|and not|but isn't] in $1
= [what is left of|what remains of] [the list |]$0 [after|when|once] [the [elements|values] of $1 are [removed|taken out|taken away|deleted]|removing everything in $1|taking out all elements of $1]
= the [elements|items|values|numbers] of $0 [that $1 does not [have|contain]|not found in $1|not present in $1|which do not occur in $1|not contained in $1|that $1 lacks]
= [the list |][$0 minus the elements of $1|$0 minus everything in $1|$0 except what is in $1|$0 stripped of the values in $1]
= the [difference|set difference] of the lists $0 and $1, in order
! [remove|delete|drop|take out|filter out|throw out] [from $0 everything that is in $1|everything in $1 from $0|all elements of $1 from $0|the values of $1 from $0|from $0 all elements of $1]
! [keep|take|collect|list] [only |]the [elements|items|values|numbers] of $0 that [are not in|do not occur in|are missing from|do not appear in|cannot be found in] $1
! find [what is|the elements that are|the values] in $0 but not in $1""",
    "union": """
= [all|all the|every one of the|the] [distinct|different|unique] [values|elements|numbers|items] [that occur |found |]in $0 [or|and] $1[, sorted|, in sorted order|, in ascending order]
= [everything|all values|all elements] [that is |]in $0 or [in |]$1 [or both|], [sorted and without duplicates|sorted without repeats|sorted, each once]
= the [sorted|ordered] [set union|union|set of values] of [the lists |]$0 and $1 [as a list|]
= $0 and $1 [united|combined|merged|together] [without duplicates|without repeats|with duplicates removed], [sorted|in sorted order|in ascending order]
= [a sorted list|an ordered list] [with|of|holding] [each|every] [value|element|number] [that is |found |]in [at least one of|either of|either] $0 [and|or] $1 [once|]
! [unite|combine|merge] $0 and $1 [without|with no|dropping] [duplicates|repeats] and [sort|order] the result
! [list|collect|take] [all |the |][distinct|different|unique] [values|elements] of $0 and $1 in [sorted|ascending] order""",
    "dot_product": """
= [what you get by|the result of] multiplying $0 and $1 [elementwise|element by element|position by position|pairwise|entry by entry] and [summing|adding up|totalling] [the results|the products|everything]
= the [sum|total] of [the |all |][pairwise|elementwise|element-wise|position by position] products of $0 and $1
= the [vector|dot|inner|scalar] product of [the vectors|the lists|the two lists|vectors] $0 and $1
= $0 dot $1
= the [sum|total] of [x * y|each product] for [matching elements|each pair of elements|elements at the same position] of $0 and $1
! multiply [matching|corresponding] [elements|entries|items|numbers] of $0 and $1 and [add up|sum|total] the [products|results]
! multiply $0 and $1 [elementwise|element by element|pairwise|entry by entry] and [add up|sum] [the products|the results|everything]
! [take|calculate|compute|work out] the [dot|inner|scalar] product of $0 [and|with] $1""",
    "add_lists": """
= [the sum|the sums] of $0 and $1 [position by position|element by element|entry by entry|pairwise|elementwise|as vectors]
= [each|every] [element|number|entry] of $0 plus the [matching|corresponding] [one|element|number] of $1[, as a list|]
= [a list|a new list] [in which|where] [each|every] [element|entry] is the sum of the [matching|corresponding] [elements|entries] of $0 and $1
= [the vector|the pairwise|the position-wise|the list of pairwise] [sum|sums] of [the lists |]$0 and $1
= the lists $0 and $1 added [position by position|pairwise|entry by entry|as vectors|elementwise|item by item]
! [sum|add up|add|total] [matching|corresponding] [elements|entries|items|numbers] of $0 and $1 [pairwise|into a list|in a list|]
! add [$0 and $1|the lists $0 and $1|the vectors $0 and $1|$1 to $0] [position by position|pairwise|entry by entry|as vectors|elementwise|item by item]
! add [each|every] [element|number] of $1 to the [matching|corresponding] [one|element|number] of $0""",
}
