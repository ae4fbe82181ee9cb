"""Sentence frames, and the words that open a request. Data only.

%S signature f(a, b), %F name, %A arguments, %R "returns ...", %I "return ...",
%J "Return ...", %N what is to be returned, %V the same where a noun is needed:
not "whether ..." or "how many ...".
"""

NAMED_FRAMES = (
    "[Write|Create|Make|Implement|Define|Build|Code|Please write|Write me|I need|Give me|I want] a [Python |small |simple |short ||||]function %S [that|which|that|to] %R",
    "[Write|Create|Make|Implement|Define|Please write|I need] a [Python |||]function [called|named|with the name] %F [that takes|taking|which takes|with|that accepts|with parameter] %A and %R",
    "[Write|Create|Make|Implement|Define|Build|Code|Please write] [the |a |]function %S[.|:|;] It [should|must|has to|needs to|will] %I",
    "[Write|Implement|Define|Create|Code|Make] %S [to|so that it will] %I",
    "[Write|Implement|Define|Create|Code|Make|Please implement] %S [that|which|so that it] %R",
    "[Define|Implement|Write] %S. [It should|The function should|It must] %I",
    "%S[:| should| must|:] %I",
    "%S %R",
    "[The function |Function |]%S %R",
    "Given %A, %I[. Name the function|. Call it|. Call the function| in a function called|. The name of the function is] %F",
    "[Given|For given|For] %A, [write a|implement a|make a] function %F that %R",
    "[Write|Implement] %F, which takes %A and %R",
    "[Create|Write] a function %F with [argument|parameter|input] %A. [It %R|The result is that it %R|Let it %I]",
    "def %S: %I",
    "In Python, [write|implement] %S [to|which will] %I",
    "Function %F takes %A and %R",
    "%I in a function %S",
    "[I'd like|I would like|We need|Need] a function %S that %R",
    "[Can|Could] you [write|code|implement] a function %S that %R",
    "[Complete|Fill in] %S so that it %R",
    "[I'm looking for|Looking for|We want|Let's have|Let us have|Show me] a [Python |||]function %S that %R",
    "%S[ ->| =| gives|: gives| yields|:| should give| should be| is] %N",
    "[Write|Create|Code|Define] %S so that it [gives|yields|hands back|evaluates to|answers with|produces] %N",
    "[Write|Create|Code|Define] a function %F that [gets|receives|is given|accepts] %A and [gives back|hands back|yields|should return|has to return] %N",
    "%F [gets|receives|takes|is given|accepts] %A and [gives back|hands back|yields|should return|has to return] %N",
    "[Calling|A call of] %S [should|must|has to|will] %I",
    "[Task|Exercise|Goal|Todo|TODO]: [write|implement|code] %S[.|:] %J",
    "[The job|The task|The purpose|The point] of %S is to %I",
    "You [get|are given|receive|have] %A. [Write|Implement] a function %F to %I",
    "[Using|With] a function %S, %I",
    "Let %S %I",
    "%S[.|:] %J",
)
DOCSTRING_FRAMES = (
    "%I", "%I", "%I", "%I", "%R", "%R", "%R", "%N", "%N", "%N", "%N", "[This|The|A] function %R", "Given %A, %I", "[Take|Takes] %A and %I",
    "[A|] function that %R", "[It should|Should|Must|Has to|Needs to] %I", "[Your task is to|Please] %I", "For [the given|given|a given] %A, %I",
    "The [result|answer|output|return value|outcome] [is|should be|must be|has to be|will be] %V", "What is %V[?|]", "What's %V[?|]",
    "[I|We] [want|need|would like|'d like|am after|are after] %V[| here| back]", "[Result|Output|Answer|Returns|Return value|Goal|Wanted]: %N", "Input: %A. Output: %N",
    "[Gets|Receives|Takes|Accepts|Is given] %A and [gives back|returns|hands back|yields|answers with] %N", "Takes %A. [Returns %N|%J]",
    "You [get|are given|have|receive] %A[; %I|. %J|, %I]", "Given %A: %I", "[Using|With|From|Starting from] %A, %I",
    "[Should|Has to|Must] [give|tell|hand] [us|me|the caller|back] %N", "[The caller|Someone|The user] [wants|needs|asks for|is after] %V",
    "[Help me|Help|I want to|We need to|Let's|Let us|The goal is to|The aim is to|The idea is to|Try to|You should|You have to|We want to] %I",
    "[This|The function|It] is [meant|supposed|expected] to %I", "Here, %I",
)
NAMELESS_FRAMES = (
    "%I", "[Write|Create|Make|Implement|I need|Give me] [a [Python |]function that|a function which|code that] %R", "[Write|I need] [code|a function|a Python function] to %I",
    "[A function|Function|Code] [to %I|that %R]", "How [do I|can I|would you|to] %I", "Please %I", "%N", "[I want|I need|Give me|Show me] %V", "What is %V",
)
QUESTION_FRAMES = {
    "named": (
        "%S: %I", "%S %I", "[Write|Implement|Make|Define] %S to answer the question: %I", "Function %F, given %A: %I",
        "[Write|Create|I need] a function %S that [answers|decides|tells]: %I", "%I Write %S",
    ),
    "docstring": ("%I", "%I", "[Question|Check|Decide|Tell me|Answer]: %I", "Given %A, %I", "Yes or no: %I"),
    "nameless": ("%I", "Write a function that answers: %I"),
}
VALUE_VERBS = (
    "return|return|return|return|return|return|compute|calculate|find|give|give back|produce|get|work out|output|determine|hand back|yield|deliver|report|tell|evaluate|"
    "retrieve|obtain|come up with|answer with|figure out|compute and return|calculate and return|find and return|work out and return|provide|fetch|build|present|make"
)
CONDITION_VERBS = (
    "return True if", "return whether", "check if", "check whether", "tell whether", "test if", "test whether", "determine if", "determine whether",
    "decide whether", "return True when", "say whether", "find out if", "return True exactly when", "report whether", "see if",
    "tell if", "check that", "verify that", "verify whether", "confirm that", "answer whether", "return a boolean telling whether", "return True only if", "return true if",
    "give back True if", "give True when", "tell me if", "figure out whether", "return True iff", "find out whether", "return a bool saying whether", "be True when",
)
CONDITION_NOUNS = ("whether", "True if", "if", "True when", "True exactly when", "true if", "a boolean saying whether", "True only if", "a bool telling if", "True iff")
CONDITION_ENDINGS = (
    "", "", "", "", "", "", ", else False", " and False otherwise", ", otherwise False", " or not", ", False otherwise", ", False if not", ", else return False", " (True or False)", ", yes or no",
)
OPENERS = "please |Hi, |hey, |ok, |now |Python: |Easy one: |simple task: |first, |quick question: |basically, |just ".split("|")
CLOSERS = "| please| for me| in Python|, thanks| with plain Python| in one function|, nothing else|. Thanks| (no imports)| and nothing more| here|, that is all".split("|")[1:]
