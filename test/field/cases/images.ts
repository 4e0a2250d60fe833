import sharp from 'sharp'
import type { FieldCase } from '../field-case.ts'

const plain = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: { r: 200, g: 30, b: 30 } } })

const jpeg = await plain(640, 400).jpeg().toBuffer()

export const images: readonly FieldCase[] = [
  {
    what: 'a JPEG in a raw body',
    send: { filename: 'a.jpg', contentType: 'image/jpeg', body: jpeg },
    expected: { image: [320, 200], further: ['metadata.json'] },
  },
]
