/** Returns the entries of a comma-separated setting. */
export function parseList(list: string): string[] {
  return list.split(',').flatMap(entry => entry.trim() || [])
}
