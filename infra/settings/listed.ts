/** Returns the entries of a comma-separated setting. */
export function listed(list: string): string[] {
  return list.split(',').flatMap(entry => entry.trim() || [])
}
