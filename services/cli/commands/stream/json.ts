/** Parts of the JavaScript standard that the type definitions of this target do not have. */
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): unknown
  isRawJSON(value: unknown): value is { rawJSON: string }
}

/**
 * Parses JSON so that `JSON.stringify` writes every number in its original notation. Otherwise an id such as 12345678901234567890
 * would be rounded.
 *
 * @returns undefined if the text is not JSON, or is nested too deeply to be written again
 */
export function parseExact(text: string): unknown {
  try {
    const value = JSON.parse(text, keepNumber as (key: string, value: unknown) => unknown)
    JSON.stringify(value)
    return value
  } catch (error) {
    // A RangeError means that the nesting is deeper than the stack.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}

function keepNumber(_key: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === 'number' && source !== undefined && String(value) !== source ? rawJSON(source) : value
}

/** Returns a string, number or boolean of `parseExact` as text. Returns undefined for any other value. */
export function scalarText(value: unknown): string | undefined {
  if (isRawJSON(value)) return value.rawJSON
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined
}
