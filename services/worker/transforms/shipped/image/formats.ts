import type { FormatEnum } from 'sharp'

/** The formats that this build of sharp decodes, in words: its own list, and none kept by hand. */
export function nameOfFormats(formats: FormatEnum): string {
  const names = Object.values(formats)
    // Without a suffix: raw pixels, which no file has.
    .filter(({ input }) => input.buffer && input.fileSuffix !== undefined)
    .map(({ id, input }) => (id === 'heif' ? (input.fileSuffix ?? []).map(withoutDot).join(', ') : id).toUpperCase())
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

const withoutDot = (suffix: string) => suffix.slice(1)
