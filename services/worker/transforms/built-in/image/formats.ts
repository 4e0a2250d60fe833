import type { FormatEnum } from 'sharp'

/** Names the formats that are read: those that this build of sharp decodes, and those that `bmp.ts` and `icon.ts` decode. */
export function nameOfFormats(formats: FormatEnum): string {
  const names = Object.values(formats)
    // Without a suffix: raw pixels, which no file has.
    .filter(({ input }) => input.buffer && input.fileSuffix !== undefined)
    .map(({ id, input }) => (id === 'heif' ? (input.fileSuffix ?? []).map(withoutDot).join(', ') : id).toUpperCase())
  names.push('BMP', 'ICO')
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

const withoutDot = (suffix: string) => suffix.slice(1)
