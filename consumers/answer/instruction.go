package answer

// PromptVersion names the instruction below; a changed instruction needs a new one. It is part of the
// pair's id, since answers to different instructions never meet.
const PromptVersion = "a1"

// instruction is the same for both models. It asks for brevity, since a judge compares facts, and makes
// declining cheap: the oracle needs to know when a model doesn't know.
const instruction = `Answer the user's question.
Give the answer itself in the first sentence, then at most two sentences of explanation. If the question asks for working or for code, show what is needed and no more.
Do not ask back and do not describe what you are going to do. If the question can be read in several ways, take the most common reading and say which one you took.
If you do not know the answer, or can only guess, reply exactly: I don't know.`
