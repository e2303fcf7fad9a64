/** The words for what the service refuses: by the type of a problem, its status, and the field that is wrong. */

import type { Problem } from "../state/api";
import { en } from "./en";
import type { Key, Say } from "./words";

function known(key: string): key is Key {
  return key in en;
}

/** Why something failed, in a sentence. */
export function sentence(say: Say, problem: Problem): string {
  const byType = `problem.${problem.type}`;
  if (known(byType)) return say(byType);
  const [first] = problem.fields;
  if (first !== undefined) return fieldSentence(say, first.field);
  const byStatus = `problem.${problem.status}`;
  if (known(byStatus)) return say(byStatus);
  return say(problem.status >= 500 ? "problem.500" : "problem.400");
}

/** What a field must be; a field of a list or an object by its own name where it has words. */
export function fieldSentence(say: Say, field: string): string {
  const key = `wrong.${field}`;
  return known(key) ? say(key) : say("problem.400");
}
