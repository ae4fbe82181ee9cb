"""More ways to ask for the families about numbers. Data only; see `family.reworded`."""

WORDING = {
    "factorial": """
= [what you get by|the result of] multiplying [together |][all|all the|the] [whole numbers|integers|numbers] [from 1 up to|from 1 to|up to|1 through] $0
= 1 * 2 * ... * $0
= [the number of ways to order|the number of permutations of|how many ways there are to arrange] $0 [things|objects|items]
= the factorial [function at|value for|of the number] $0
! [multiply|multiply together] [all|all the|the] [numbers|integers|whole numbers] [from 1 up to|from 1 to|up to|from 1 through] $0
! [take|get|evaluate] the factorial of $0
! start [at|with|from] 1 and multiply by [each|every] [number|integer] up to $0""",
    "fibonacci": """
= the $0[-th| th|th] [Fibonacci|Fibonacci value|fib number|fibonacci number|term of the Fibonacci series|member of the Fibonacci sequence|entry in the Fibonacci series]
= [the Fibonacci value|the value of the Fibonacci sequence|the fibonacci number|the term of the Fibonacci sequence] [at position|at index|for|number] $0
= [fib|F] of $0, where each Fibonacci number is the sum of the two before it
= Fibonacci at $0
= the number [at position $0|in place $0] of the Fibonacci [sequence|series]
! [go|walk|step] $0 steps [along|through|into] the Fibonacci [sequence|series]
! [evaluate|look up] the Fibonacci [function|sequence] at $0""",
    "fibonacci_list": """
= [the first $0|$0] [terms|members|entries|elements|values] of the [Fibonacci|fibonacci] [sequence|series] [as a list|in a list|]
= the [beginning|start] of the Fibonacci [sequence|series], $0 [numbers|terms|entries] long
= a list [with|holding|containing] [the first |]$0 [Fibonacci numbers|fib numbers|fibonacci numbers]
= the Fibonacci [sequence|series] [cut off |]after $0 [numbers|terms]
! [list|generate|collect|write out|print] the first $0 [Fibonacci numbers|fib numbers|terms of the Fibonacci series]
! [generate|build|make] the Fibonacci [sequence|series] with $0 [terms|numbers|entries]""",
    "is_prime": """
? [nothing|no number|no integer] [but|except|other than] 1 and $0 [itself |]divides $0
? $0 has exactly two [divisors|factors]
? $0 cannot be divided [evenly |][except by 1 and itself|by anything but 1 and itself|by any smaller number above 1]
? $0 [belongs to|is one of|is among] the [primes|prime numbers]
? $0 [counts as|is] a prime
? no [number|integer] [between 1 and $0|from 2 to below $0] divides $0 [evenly|without remainder|]
? the number $0 is [prime|a prime]
? $0 [has|possesses] no [factors|divisors] besides 1 and itself""",
    "sum_digits": """
= [what you get|the number you get|the result] [by|when] [adding|adding up|summing|totalling] [the|all|all the] [digits|decimal digits|figures] of $0
= the [digits|single digits|figures] of $0 [added up|added together|summed|summed up|totalled]
= [the cross sum|the checksum of the digits|the digital sum|the total of the digits|the digit total] of $0
= the sum over [the|all] digits of $0
! [total|total up|tot up|add together|sum up] [the|all|all the|each of the] [digits|decimal digits|figures] [of|in] [the number |]$0
! [split|break] $0 into [digits|its digits] and [add them up|sum them|add them together|return their sum]
! [go through|take|look at] the digits of $0 and [add them up|sum them|add them together]""",
    "count_number_digits": """
= [the length|the size] of [the number |]$0 [in digits|when written out|when written in decimal|as a decimal number]
= how many [digits|decimal digits|figures] [there are in|make up|are in|you need to write|are needed to write] [the number |]$0
= how many digits long [the number |]$0 is
= the [digit count|count of digits|count of decimal digits|digit length] of [the number |]$0
! [tally|count up|count] [the|all|all the] [digits|decimal digits|figures] [of|in] [the number|the integer] $0
! [tell|say|find out|see|determine] how many digits [the number |]$0 [has|consists of]""",
    "digit_list": """
= [the single digits|the individual digits|the separate digits|each digit|all digits|every digit] of $0 [in a list|as a list|as separate numbers|as a list of ints]
= [the number |]$0 [split|broken|taken apart|divided] [up |]into [digits|its digits|single digits|a list of digits]
= a list [holding|containing|with|made of] [each digit|the digits|every digit] of [the number |]$0
! [break|take|divide|cut] [the number |]$0 [up |][into|apart into] [its digits|a list of digits|single digits|separate digits]
! [list|collect|give|extract|get] [the|all|all the|each of the] [single |individual |separate |][digits|figures] of [the number |]$0 [in a list|as numbers|]""",
    "reverse_number": """
= [the number|the integer|the value] you get by [reversing|flipping|turning around|writing backwards] the digits of $0
= [the number |the integer |]$0 with [its|the] digits [in reverse order|turned around|flipped|backwards|written backwards|the other way round]
= [the integer|the number] [that has|having|with] the digits of $0 [backwards|from last to first|in reverse]
= the digits of $0 [read backwards|backwards|from right to left], as [a number|an integer]
= the number $0 [read|written] [backwards|from right to left]
! [flip|turn around|invert|swap around] the [digits|order of the digits|figures] of [the number |the integer |]$0
! [write|read|spell] the [number|integer] $0 backwards
! reverse the [number|integer] $0 [digit by digit|]""",
    "count_divisors": """
= how many [numbers|integers|whole numbers|positive integers] [divide|evenly divide|go into|are divisors of|are factors of] $0 [evenly|without remainder|]
= how many [divisors|factors|positive divisors] [there are of|exist for|belong to] $0
= in how many ways $0 can be divided [evenly|without remainder] by a positive integer
= [a tally|the total|the total number|the amount|the quantity] of [divisors|factors|numbers dividing|numbers that divide] $0
= the [divisor|factor] count [of|for] $0
! [tally|count up|count] [all|the|all the|every one of the] [divisors|factors|positive divisors|numbers dividing|numbers that divide|integers that go into] [of |]$0""",
    "divisors": """
= [every|each] [divisor|factor|number that divides $0|integer dividing $0] of $0 [as a list|in a list|]
= [the|all the|all] [whole numbers|positive integers|numbers] [that go into|dividing|which divide|that evenly divide] $0 [evenly|without remainder|without a remainder|]
= [a list of |][the|all] numbers [by which $0 can be divided|$0 can be divided by|$0 is divisible by] [evenly|without remainder|]
= a list [with|holding|containing] [each|every] [divisor|factor] of $0
! [find|collect|gather|get|enumerate|write down] [all|the|all the|every one of the] [divisors|factors|positive divisors|numbers that divide|numbers dividing] [of |]$0
! [list|collect|find] [every|each] [number|integer] that [divides|goes into|evenly divides] $0""",
    "sum_divisors": """
= [what you get by|the result of] [adding up|adding together|summing] [the|all|all the] [divisors|factors] of $0
= the [divisors|factors] of $0 [added up|added together|summed|summed up]
= [the sum|the total] of [all|the|all the] [numbers|integers|positive integers] [that divide|dividing|which divide|that go into] $0
= the [divisor sum|total of the divisors|sum over the divisors|factor sum] of $0
! [sum|sum up|total|total up|add together] [all|the|all the|every one of the] [divisors|factors|positive divisors|numbers that divide|numbers dividing] [of |]$0
! find the [divisors|factors] of $0 and [add them up|sum them|add them together]""",
    "is_perfect": """
? the [proper divisors|divisors other than itself|divisors without itself|smaller divisors|factors except itself|divisors less than $0] of $0 [add up to|sum to|have the sum|total] $0
? [adding up|summing] the [proper divisors|smaller divisors|divisors except itself] of $0 gives $0 [again|]
? $0 is equal to the [sum|total] of its [proper divisors|other divisors|smaller divisors|factors except itself]
? $0 [is one of the|belongs to the] perfect numbers""",
    "is_even": """
? $0 can be [divided|split|halved] [by two |by 2 |][evenly|without remainder|without a remainder|into two equal whole numbers]
? [dividing|division of] $0 by [2|two] [leaves no remainder|leaves nothing over|has no remainder]
? $0 [leaves no remainder|has remainder 0] [when divided|on division|modulo] by [2|two]
? $0 is [a multiple of two|a multiple of 2|twice some integer|twice a whole number|not odd|no odd number]
? [2|two] divides $0 [evenly|]
? the number $0 is even""",
    "is_odd": """
? $0 cannot be [divided by two|divided by 2|halved|split in two] [evenly|without remainder|without a remainder]
? [dividing|division of] $0 by [2|two] leaves [a remainder|1|one|a remainder of 1]
? $0 [leaves|has] [a remainder|remainder 1|a remainder of one] when divided by [2|two]
? $0 is [not a multiple of two|not a multiple of 2|not even|no even number]
? [2|two] does not divide $0
? the number $0 is odd""",
    "is_positive": """
? $0 [is above|is over|exceeds|lies above|is bigger than|is more than|is higher than] [0|zero]
? $0 is [strictly positive|neither negative nor zero|a value above zero|on the positive side]
? the number $0 is [positive|above zero]
? the sign of $0 is [plus|positive]
? [0|zero] is [less|smaller] than $0""",
    "is_square": """
? $0 [can be written as|equals|is] [some integer|a whole number|an integer|some number] [times itself|squared|multiplied by itself]
? the square root of $0 is [a whole number|an integer|whole]
? [some|an|a whole] [integer|number] [squared|times itself|multiplied by itself] [gives|is|equals|makes] $0
? $0 [has|possesses] [an integer|a whole] square root
? $0 is [one of|among] the [square numbers|perfect squares]
? there is [an integer|a whole number] whose square is $0""",
    "is_power_of_two": """
? $0 [can be written as|equals|is] [2|two] [to the power of something|raised to some power|to some power|multiplied by itself some number of times]
? $0 is [one of|among] 1, 2, 4, 8, 16 and so on
? [some|a] power of [2|two] [is|equals|gives] $0
? [doubling|repeated doubling of] 1 [again and again |repeatedly |]reaches $0
? $0 has exactly one [bit set|binary digit 1|1 in binary]
? you get 1 [when|by] halving $0 [again and again|repeatedly]""",
    "square": """
= $0 [to the power of two|to the second power|to the power 2|raised to the power 2|raised to two]
= [what you get by|the result of] [multiplying $0 by itself|squaring $0]
= the [second power|squared value] of $0
= $0 * $0
= the area of a square [with|of] side [length |]$0
! multiply $0 [by|with] itself
! raise $0 to the [second power|power of two|power 2]
! take the square of $0""",
    "cube": """
= $0 [to the power of three|to the power 3|raised to the power 3|raised to three|raised to the third power]
= [what you get by|the result of] [multiplying $0 by itself twice|cubing $0]
= the [third power|cubed value] of $0
= $0 * $0 * $0
= $0 times $0 times $0
= the volume of a cube [with|of] [side|edge] [length |]$0
! raise $0 to the [third power|power of three|power 3]
! take the [cube|third power] of $0""",
    "double": """
= [two times|2 times|two lots of|twice the value of|twice as much as|double the value of] $0
= $0 [added to itself|plus itself|plus $0]
= [what you get by|the result of] [doubling $0|adding $0 to itself|multiplying $0 by two]
= [a number|a value] twice as [big|large] as $0
= 2 * $0
! multiply $0 by [2|two]
! add $0 to itself
! [make $0 twice as big|take $0 twice|take $0 two times]""",
    "half": """
= [one half|a half|50 percent] of $0, [rounded down|as an integer|without the fraction|as a whole number]
= $0 [halved|split in two|cut in half], [rounded down|as a whole number|dropping the fraction|rounding down]
= $0 [integer-divided|integer divided|floor divided|divided with floor division] by [2|two]
= the [integer|whole|floor] [quotient|result] of $0 [and|divided by] [2|two]
= $0 // 2
! divide $0 by [2|two] [and round down|, rounding down|and drop the remainder|without remainder|with integer division|and ignore the remainder]
! [cut|split] $0 in half [and round down|, rounding down]""",
    "absolute": """
= $0 [made positive|as a positive number|with any minus sign removed|ignoring the sign|with the minus sign dropped|made non-negative]
= [the distance|how far away|the distance of] $0 [from zero|from 0|is from zero]
= the [size|absolute amount|absolute|abs|modulus|non-negative value|unsigned value] of $0
= $0 if it is [positive|not negative] and [its negation|minus $0|the negated value] otherwise
! [drop|remove|ignore|strip off] the [sign|minus sign] of $0
! make $0 [positive|non-negative]
! [take|get] the [absolute value|abs|magnitude] of $0""",
    "sign_of": """
= [-1, 0 or 1|1, 0 or -1] [depending on|according to|for|by] [the sign of $0|whether $0 is negative, zero or positive|whether $0 is positive, zero or negative]
= the [signum|sign function|signum value|sign indicator] of $0
= -1 [if|when|for] $0 [is negative|is below zero|below zero], 0 [if|when|for] [it is zero|zero] and 1 [if it is positive|if it is above zero|otherwise]
= +1 [for|if] positive $0, -1 [for|if] negative $0 and 0 for zero
! [tell|say] by 1, 0 or -1 [if|whether] $0 is positive, zero or negative
! [map|reduce] $0 to [its sign|-1, 0 or 1 by its sign]""",
    "collatz_steps": """
= how many [steps|times|moves|iterations] [it takes|you need|are needed|it takes to go] [until $0 reaches 1|to reach 1 from $0|to get from $0 to 1|to bring $0 down to 1] [by the Collatz rule|with the Collatz rule|in the Collatz sequence|under the 3n+1 rule]
= the length of the [Collatz|3n+1] [path|chain|sequence] from $0 [down |]to 1[, in steps|, counted in steps|]
= how long the Collatz [sequence|process|path] of $0 [takes|runs|goes on] until [it reaches 1|1]
= how many steps the [Collatz|3n + 1|hailstone] [rule|process|sequence] takes [from|starting at|starting from] $0 [to 1|until 1 is reached|]
! apply the Collatz rule to $0 until [it is 1|1 is reached] and [count the steps|return the number of steps]
! halve $0 if even, else triple it and add one, and count the steps [until|till] [it is 1|1]
! count how [many Collatz steps|many steps of the Collatz rule] $0 [takes|needs] to [get to|reach] 1""",
    "fizzbuzz": """
= the [usual|classic|well-known|famous|] FizzBuzz [output|answer|answers|lines|words] [for|of] [the numbers |][1 to|from 1 to|1 through] $0 [as a list|in a list|]
= the numbers from 1 to $0 as strings, [but Fizz for multiples of 3, Buzz for multiples of 5 and FizzBuzz for both|with Fizz for 3, Buzz for 5 and FizzBuzz for both]
= [a list|a list of strings] [with|holding] the [fizzbuzz|FizzBuzz|Fizz Buzz] [game|words|values|result] [for|up to|until] $0
= fizzbuzz [up to|until|for] $0
! [run|generate|produce|list] [FizzBuzz|fizzbuzz|fizz buzz|the FizzBuzz game] [up to|from 1 to|until|through] $0
! count to $0 but say Fizz for multiples of [three|3] and Buzz for multiples of [five|5]""",
    "is_leap": """
? [the year |]$0 has [a February 29|29 days in February|an extra day|an additional day|a leap day|366 days instead of 365]
? February has 29 days in [the year |]$0
? [the year |]$0 [counts as|is] a [leap|366-day|Gregorian leap] year
? there is a [leap day|29th of February|February 29] in [the year |]$0
? the year $0 is [leap|one day longer|not a common year]
? [the year |]$0 is divisible by 4 but not by 100, or by 400""",
    "to_binary": """
= $0 [in base 2|in base two|to base 2|in the binary system|as bits|as zeros and ones|as a string of zeros and ones|as a string of bits|as binary digits]
= [the bits|the binary digits|the base two representation|the base-2 form|the zeros and ones|the bit string|a string with the bits] of [the number |]$0
= [the binary string|a binary string|a bit string] [for|of|that represents|representing] [the number |]$0
= the number $0 [written|expressed|represented|shown] in [binary|base 2|base two|zeros and ones]
! [write|express|represent|show|print|turn|change] [the number |]$0 [in|into|as] [binary|a binary string|base 2|base two|bits|a string of bits|zeros and ones]
! convert [the number |]$0 [to|into] [base 2|base two|bits|its binary form|a bit string|zeros and ones]""",
    "from_binary": """
= [the string |]$0 [read|interpreted|parsed|taken|understood] as [a binary number|binary|a base 2 number|a number in base 2|a number in binary]
= [the decimal value|the decimal number|the numeric value|the int] [of|for|behind] the [binary|base 2|bit] [string|digits|number] $0
= [the number|the integer] written in [binary|base 2|base two] as $0
= [the integer|the number|the value] [represented by|given by|encoded by|behind] the [bits|bit string|binary digits|zeros and ones] [in |]$0
! [parse|read|interpret|decode] [the string |the bits |the binary digits |]$0 as [binary|a binary number|base 2|a number in base two]
! [turn|change|translate] the [binary|bit] string $0 [to|into] [a number|an integer|an int|decimal]
! convert [the bits |the binary number |]$0 [from binary |from base 2 |][to|into] [decimal|a decimal number|an integer|an int]""",
    "sum_to": """
= [what you get by|the result of] [adding up|adding|summing] [all|the|all the] [whole numbers|integers|numbers] [from 1 up to|from 1 to|1 to|up to|1 through] $0
= [the numbers|all numbers|the integers] from 1 [up |]to $0 [added up|added together|summed up|summed]
= the [sum|total] of [1, 2, 3|1, 2] and so on up to $0
= the triangular number [of|for|number] $0
= 1 plus 2 plus 3 and so on up to $0
! [add together|total|sum up|total up] [all|the|all the|all whole|every one of the] [integers|numbers|whole numbers] [from 1 up to|from 1 to|up to|1 to|from 1 through] $0
! count from 1 to $0 and add up the numbers on the way""",
    "sum_of_squares_to": """
= [what you get by|the result of] [adding up|adding|summing] the [squares of all numbers|squares of the integers|square numbers|squares] from 1 [up |]to $0 [squared|]
= 1 * 1 + 2 * 2 + ... + $0 * $0
= 1 squared plus 2 squared and so on up to $0 squared
= the [squares|squared numbers] of [1 to|the numbers from 1 to|all numbers up to] $0 [added up|summed|added together]
= the [sum|total] of [i squared|i * i] for [i|every i] from 1 to $0
! [add up|sum|sum up|total|add together] the squares [of the numbers from 1 to|of all integers up to|of 1 to|from 1 to|of all numbers from 1 up to] $0
! square [each|every] [number|integer] from 1 to $0 and [add up|sum|total] the [results|squares]""",
    "count_to": """
= [every|each] [number|integer|whole number] from 1 [up |]to $0 [as a list|in a list|]
= [the|all|all the] [whole numbers|integers|numbers|positive integers] [up to|up to and including|1 through|from 1 through|not larger than] $0 [as a list|in a list|in order|]
= [a list|the list] [that counts|counting] from 1 [up |]to $0
= a list [with|holding|containing] [1, 2, 3 and so on|1, 2 and so on|the numbers 1, 2, ...] up to $0
= 1, 2, ..., $0 as a list
! count up [from 1 |]to $0 [in a list|]
! [write down|give|collect|enumerate|generate] [all|the|all the|every one of the] [numbers|integers|whole numbers] [from 1 up to|from 1 to|up to|from 1 through] $0 [in a list|]
! make a list [going|running|counting] from 1 to $0""",
    "countdown": """
= [the|all|all the] [numbers|integers|whole numbers] from $0 [down to|backwards to|descending to] 1 [as a list|in a list|]
= [the numbers|the integers] from 1 to $0 [backwards|in reverse|in reverse order|in descending order|largest first] [as a list|]
= a list [counting|that counts|going|running] [down|backwards] from $0 to 1
= $0, $0 - 1 and so on down to 1[, as a list|]
= a countdown [starting at|starting from|from] $0 [that ends at 1|to 1|]
! count backwards from $0 [to|until] 1
! [list|give|write down|generate|enumerate] the numbers from $0 [down to|backwards to] 1
! start at $0 and count down [to|until you reach|until] 1
! make a list [going|running|counting] down from $0 to 1""",
    "evens_to": """
= [every|each] even [number|integer] [from 1 to|from 2 to|up to|not larger than|up to and including] $0 [as a list|in a list|]
= [the|all|all the] [even integers|even whole numbers|even numbers|multiples of two|multiples of 2] [from 2 to|up to|from 1 to|between 1 and|not above|up to and including] $0 [as a list|in a list|]
= 2, 4, 6 and so on up to $0[, as a list|]
= [a list|the list] [with|holding|containing] [each|every] even number [up to|from 2 to] $0
! [list|collect|give|write down|enumerate|generate] [all|the|all the|every one of the] even [numbers|integers] [up to|from 1 to|from 2 to|until] $0
! count [up |]to $0 in steps of [two|2], starting [with|at|from] 2""",
    "multiples": """
= [$1 multiples|the $1 smallest multiples] of $0 [as a list|in a list|], starting [with|at|from] $0 [itself|]
= the [times table|multiplication table|multiplication row] [of|for] $0 [with $1 entries|with $1 rows|from 1 to $1|up to $1 times $0]
= $0 times 1, $0 times 2 and so on up to $0 times $1
= $0, 2 * $0 and so on, $1 [numbers|entries|values] [in all|in total]
= a list of $1 [numbers|values], the multiples of $0 [in order|from $0 on|]
! [multiply|take] $0 [by|times] [each number|all numbers|1, 2, 3 and so on|every number] [from 1 |up ]to $1
! [list|write|give|make|build] the [times table|multiplication table] [of|for] $0 [up to $1|with $1 entries]
! count in steps of $0, $1 times
! [list|collect|generate] $1 multiples of $0""",
    "primes_up_to": """
= [every|each] [prime|prime number] [up to|not above|not larger than|up to and including|that does not exceed|no larger than|between 2 and|at most] $0 [as a list|in a list|]
= [all|the|all the] [primes|prime numbers] [that do not exceed|that are at most|not above|between 1 and|no bigger than|below or equal to|less than or equal to|smaller than or equal to] $0 [as a list|in a list|]
= [which|the|all] numbers [from 2 to|up to|from 1 to] $0 [are|that are] prime
= [a list|the list] [with|holding|containing] [each|every] prime up to $0
! [collect|give|enumerate|generate|get|write down|compute] [all|the|all the] [primes|prime numbers] [up to|not above|from 2 to|from 1 to|up to and including|that do not exceed] $0
! [go through|look at|take] the numbers [up to|from 2 to] $0 and [keep|collect|pick|return] the [primes|prime ones]
! sieve [the |out the ][primes|prime numbers] up to $0""",
    "count_primes": """
= how many of the [numbers|integers] [from 1 to|from 2 to|up to] $0 are [prime|primes|prime numbers]
= how many [primes|prime numbers] [exist up to|do not exceed|are at most|are not larger than|lie between 1 and|are up to|are found up to|are less than or equal to] $0
= [a tally|the total|the total number|the amount|the quantity] of [primes|prime numbers] [up to|not above|from 2 to|no larger than|between 1 and|that do not exceed] $0
= the prime count [up to|for the numbers up to] $0
! [tally|count up|count] [all|the|all the|every one of the] [primes|prime numbers] [up to|not above|not larger than|from 2 to|between 1 and|no larger than|that do not exceed] $0
! count how many [numbers|integers] [from 1 to|from 2 to|up to] $0 are prime""",
    "gcd": """
= the [largest|biggest|greatest|highest] [number|integer|whole number] [that goes into|that evenly divides|by which you can divide|which divides|that is a divisor of|that is a factor of] both $0 and $1
= the [largest|biggest|greatest|highest] [divisor|factor] [shared by|common to|that is shared by|of both|in common of] $0 and $1
= the [GCD|g.c.d.|HCF|hcf|gcf] of $0 and $1
= the [biggest|largest|greatest] common [divisor|factor] [between|for] $0 and $1
! [find|get|determine] the [largest|biggest|greatest] [number|integer] [that divides|dividing|going into] both $0 and $1
! [run|apply|use] [Euclid's algorithm|the Euclidean algorithm|Euclid] [on|for] $0 and $1
! find the [greatest common divisor|greatest common factor|gcd|highest common factor|biggest shared divisor] of $0 and $1""",
    "lcm": """
= the [smallest|least|lowest] [number|integer|positive number|whole number] [divisible by both|that is a multiple of both|that can be divided by both|both divide,|which is divisible by] $0 and $1
= the [first|smallest|least|lowest] [multiple|number] [shared by|common to|that is a common multiple of] $0 and $1
= the [LCM|l.c.m.|lowest common multiple|smallest shared multiple] [of|for] $0 and $1
= the first number that is [both a multiple of $0 and a multiple of $1|in the times tables of both $0 and $1]
! [find|get|determine] the [smallest|least|lowest] [number|multiple] [that both $0 and $1 divide|shared by $0 and $1|of both $0 and $1]
! find the [least common multiple|lcm|lowest common multiple] of $0 and $1""",
    "power": """
= $0 [to the|raised to the] [$1-th|$1th] [power|]
= $0 to the [$1|power $1|exponent $1|power of $1]
= $0 [with exponent|with the exponent|exponentiated by|raised to|raised by] $1
= [what you get by|the result of] [raising $0 to $1|raising $0 to the power of $1|multiplying $1 copies of $0]
= the product of $1 copies of $0
= $0 ** $1
= $0 ^ $1
! multiply $0 by itself [$1 times|until you have $1 factors]
! [raise|take] $0 to the [exponent $1|$1-th power|power $1|power of $1]
! use $1 as the exponent [of|for] $0""",
    "add": """
= the [total|result of adding|combined value|value] of $0 [and|+] $1 [together|]
= [what you get by adding|what you get when you add|the result when you add|how much you get when you add] $0 and $1 [together|]
= $0 [increased by|added to] $1
= how much $0 and $1 [are together|make together|make|add up to|are in total]
= $0 and $1 [taken together|combined as a number|in total|summed]
! [sum|sum up|total|add up] [the numbers |the two numbers |]$0 and $1
! put the numbers $0 and $1 together by adding them
! [increase|raise] $0 by $1
! do the addition of $0 and $1""",
    "subtract": """
= $0 [less|reduced by|decreased by|lowered by|take away] $1
= [what is left|what remains|how much is left] [of|from] $0 [after taking away $1|when you take away $1|when $1 is taken away|after subtracting $1|once $1 is taken off]
= how much [bigger|larger|more|greater] $0 is than $1
= [what you get by|the result of] [subtracting $1 from $0|taking $1 from $0|taking $1 away from $0]
! [take|take away|deduct] $1 from $0
! take $1 away from $0
! [reduce|decrease|lower] $0 by $1""",
    "multiply": """
= [what you get by|what you get when|the result of] multiplying $0 [and|by|with] $1 [together|]
= $0 and $1 [multiplied|multiplied together|multiplied with each other]
= $0 [taken $1 times|lots of $1|groups of $1|x $1]
= $1 times $0
= the area of a rectangle [with sides|of|measuring] $0 [by|and] $1
! multiply [the numbers |the two numbers |][$0 and $1|$1 by $0|$0 and $1 together|$0 times $1]
! [take|work out] $0 times $1
! do the multiplication of $0 and $1""",
    "divide": """
= [what you get by|what you get when|the result of] dividing $0 by $1
= $0 [over|split by|shared among|split into] $1 [parts|]
= the [ratio|fraction|proportion] of $0 [to|over|and] $1
= how [many times|often] $1 [goes|fits] into $0 [as a decimal|]
= the [result of the|] division of $0 by $1
= $0 shared equally [among|between] $1
! [split|share] $0 [into $1 equal parts|among $1 equally|by $1]
! [do|carry out] the division [of |]$0 by $1
! [take|find] the [quotient|ratio] of $0 [and|to] $1""",
    "remainder": """
= [what is left|what remains|what is left over|the rest|the leftover] [when|after] [$0 is divided by $1|dividing $0 by $1|you divide $0 by $1]
= the [rest|leftover|remainder|modulus] [of|from|in] [the division of $0 by $1|dividing $0 by $1|$0 divided by $1]
= $0 [mod|%] $1
= the remainder [that|] $0 [leaves|gives|has] when divided by $1
= how much is left over when $0 is split into groups of $1
! divide $0 by $1 and [return|give|keep|take] [the remainder|the rest|what is left|what is left over|only the remainder]
! [take|reduce] $0 modulo $1
! find what is left [when|after] dividing $0 by $1""",
    "is_divisible": """
? $0 can be [divided by $1|split into groups of $1|shared among $1] [evenly|without remainder|without a remainder|with nothing left over|exactly]
? [dividing|the division of] $0 by $1 [leaves no remainder|leaves nothing over|comes out even|has remainder 0|gives a whole number]
? $1 [goes into|fits into|is a divisor of|is a factor of|divides] $0 [evenly|exactly|without remainder|]
? $0 [leaves no remainder|has no remainder|has remainder zero] when divided by $1
? $0 [divides evenly|is evenly divisible|is exactly divisible] by $1
? $0 is in the times table of $1""",
    "max_of_two": """
= [the bigger|the larger|the greater|the higher] [one|number|value|] of [the two numbers|the numbers|the values|the two] $0 and $1
= [whichever|whatever] is [larger|bigger|greater|higher], $0 or $1
= [whichever is the [larger|bigger|greater] of|the maximum out of|the biggest out of|the highest of] $0 and $1
= $0 if it is [bigger|larger|greater] than $1, [else|otherwise] $1
= the [winner|top one|best], by size, of $0 and $1
! [pick|choose|take|select|find] the [larger|bigger|greater|higher] [one |number |value |]of $0 and $1
! compare $0 [and|with|to] $1 and [return|give back|keep|take] the [bigger|larger|greater|higher] [one|]""",
    "min_of_two": """
= [the smaller|the lower|the lesser] [one|number|value|] of [the two numbers|the numbers|the values|the two] $0 and $1
= [whichever|whatever] is [smaller|lower|less], $0 or $1
= [whichever is the [smaller|lower|lesser] of|the minimum out of|the smallest out of|the lowest of|the least of] $0 and $1
= $0 if it is [smaller|less|lower] than $1, [else|otherwise] $1
! [pick|choose|take|select|find] the [smaller|lower|lesser] [one |number |value |]of $0 and $1
! compare $0 [and|with|to] $1 and [return|give back|keep|take] the [smaller|lower] [one|]""",
    "max_of_three": """
= [whichever|whatever] of $0, $1 and $2 is [the |][largest|biggest|greatest|highest]
= the [largest|biggest|highest|greatest|maximum|top] [one|number|value|] [among|out of|from|of] [the three numbers |the three values |the three |]$0, $1 and $2
= the [max|maximum value|highest value|top value] of $0, $1, $2
= the [largest|biggest|highest] [number|value] in $0, $1 and $2
! [pick|choose|take|select|find] the [largest|biggest|greatest|highest] [one |number |value |][of|among|from] $0, $1 and $2
! compare $0, $1 and $2 and [return|give back|keep|take] the [biggest|largest|greatest|highest] [one|]
! find out which of $0, $1 and $2 is [largest|biggest|highest]""",
    "clamp": """
= $0 [forced|brought|squeezed|bounded|pulled|pushed] [into|to] [the range|the interval|the limits] [from $1 to $2|$1 to $2|between $1 and $2]
= $1 if $0 is [below|less than|under|smaller than] [it|$1], $2 if [it is|$0 is] [above|over|greater than|bigger than] $2, [else|otherwise] $0 [itself|]
= $0, but [at least|no less than|not below] $1 and [at most|no more than|not above] $2
= the value [nearest|closest] to $0 [in the range|between|in the interval] [from |]$1 [and|to] $2
= $0 [cut off|capped|bounded|kept] [at|below by|within] $1 and $2
! [keep|force|bring|hold|squeeze|bound] $0 [within|inside|between|into] [the bounds |the limits |]$1 and $2
! [cap|bound] $0 [from below by $1 and from above by $2|at $2 and at least $1]
! make sure $0 is [neither below $1 nor above $2|at least $1 and at most $2|no less than $1 and no more than $2]""",
    "in_range": """
? $0 [falls|is found|is somewhere|is located|sits] [between|within|inside] [the bounds |the limits |]$1 and $2
? $0 is [at least|no less than|not below|not smaller than] $1 and [at most|no more than|not above|not larger than] $2
? $0 is [within|inside|in] the [interval|range|limits|bounds] [from $1 to $2|between $1 and $2|$1 to $2|given by $1 and $2]
? $0 is [neither below $1 nor above $2|not outside $1 and $2|not below $1 and not above $2]
? $0 [belongs to|is part of] the [range|interval] [from |]$1 to $2
? $1 <= $0 <= $2""",
    "range_sum": """
= [what you get by|the result of] [adding up|adding|summing] [all|the|all the|every one of the] [integers|numbers|whole numbers] from $0 [up |]to $1
= [all|the|all the] [integers|numbers|whole numbers] from $0 [up |]to $1 [added up|added together|summed up|summed]
= $0 + ($0 + 1) + ... + $1
= the [sum|total] of [every|each] [number|integer|whole number] [from $0 through $1|from $0 up to $1|from $0 to $1]
= the sum of the range [from $0 to $1|$0 to $1]
! [sum|sum up|total|total up|add together] [all|the|all the|every one of the] [integers|numbers|whole numbers] [from $0 to $1|from $0 up to $1|from $0 through $1]
! count from $0 to $1 and add up the numbers on the way""",
    "average_of_two": """
= [the point|the number|the value] [halfway|midway|in the middle|exactly halfway] between $0 and $1
= half [of |]the sum of $0 and $1
= half [of|] $0 plus $1
= the [sum of $0 and $1|sum of the two numbers $0 and $1|total of $0 and $1] [divided by 2|divided by two|halved]
= what $0 and $1 [are|come to] on average
= the [mean value|average value|halfway point|mid point] [of|between] [the two numbers |]$0 and $1
! [average|take the mean of|take the average of|find the midpoint of] [the numbers |the two numbers |]$0 and $1
! add $0 and $1 and [halve the result|divide by two|divide the sum by 2|take half of it]""",
    "celsius_to_fahrenheit": """
= [how many|the number of] [degrees Fahrenheit|Fahrenheit degrees] [correspond to|equal|are|match|there are for] $0 [degrees |]Celsius
= $0 degrees [Celsius|C] [expressed|given|written|measured|turned|changed] [in|into|as] [degrees |][Fahrenheit|F]
= [the Fahrenheit temperature|the temperature in Fahrenheit|the Fahrenheit equivalent|degrees Fahrenheit] [for|of|that corresponds to] $0 [degrees |degree |][Celsius|C|centigrade]
= $0 times 9 divided by 5 plus 32
! [turn|change|translate|transform] [the temperature |][$0 from Celsius|$0 degrees Celsius|$0 Celsius|the Celsius temperature $0|the Celsius value $0] [to|into] [Fahrenheit|degrees Fahrenheit]
! convert the [Celsius [temperature|value]|temperature in Celsius|degrees Celsius in] $0 [to|into] [Fahrenheit|degrees Fahrenheit]""",
}
