/** A tag as the header `ETag` has it: strong. */
export function entityTag(tag: string): string {
  return `"${tag}"`
}

/** Whether the header `If-None-Match` (RFC 9110, section 13.1.2) names the tag. `*` names every one. */
export function namesTag(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  // Weak comparison: a proxy that packs answers may have made the tag a weak one.
  return [...ifNoneMatch.matchAll(/(?:W\/)?"([^"]*)"/g)].some(([, known]) => known === tag)
}
