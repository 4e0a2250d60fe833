import sharp from 'sharp'
import type { SentFile } from '../../chaos/plan/uploads.ts'
import { type Kind, REFUSED_BY_TRANSFORM } from './kind.ts'

/** Makes something once for all files of a run: encoding 49 million pixels takes seconds. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}

const flat = (side: number) => sharp({ create: { width: side, height: side, channels: 3, background: '#336699' } })

/** 7,000 by 7,000 pixels of 10 bits in some 2 KB. */
const deepAvif = once(() => flat(7_000).avif({ bitdepth: 10, effort: 0, quality: 1 }).toBuffer())

const interlacedPng = once(() =>
  flat(5_000).toColourspace('rgb16').png({ progressive: true, compressionLevel: 1 }).toBuffer(),
)

/** Repeats a scan of a progressive JPEG that says anew what some coefficients are. A decoder visits the whole image for each. */
const manyScans = once(async () => {
  const jpeg = await flat(1_600).jpeg({ progressive: true }).toBuffer()
  const isScan = (at: number) => jpeg.readUInt16BE(at) === 0xffda
  const first = jpeg.indexOf(Buffer.from([0xff, 0xda]))
  let start = first + 2
  while (!isScan(start)) start++
  let end = start + 2
  while (jpeg[end] !== 0xff || jpeg[end + 1] === 0) end++
  const scan = Buffer.from(jpeg.subarray(start, end))
  // All bits of the coefficients at once, so that no other scan refines them.
  scan[4 + 2 * (scan[4] ?? 1) + 3] = 0
  return Buffer.concat([jpeg.subarray(0, -2), ...Array<Buffer>(20_000).fill(scan), jpeg.subarray(-2)])
})

const small = once(() => flat(64).png().toBuffer())
const photo = once(() =>
  sharp({
    create: {
      width: 1_200,
      height: 900,
      channels: 3,
      background: '#336699',
      noise: { type: 'gaussian', mean: 120, sigma: 40 },
    },
  })
    .jpeg()
    .toBuffer(),
)

const image = (filename: string, type: string, bytes: Buffer): SentFile => ({
  filename,
  contentType: `image/${type}`,
  bytes,
})

/** An image that one decoder reads and another refuses is right either way. */
const EITHER = ['processed', REFUSED_BY_TRANSFORM] as const

export const images: readonly Kind[] = [
  {
    name: 'PNG',
    weight: 40,
    ends: ['processed'],
    make: async label => image(`${label}.png`, 'png', await small()),
  },
  {
    name: 'JPEG',
    weight: 20,
    ends: ['processed'],
    make: async label => image(`${label}.jpg`, 'jpeg', await photo()),
  },
  {
    name: 'image over maxBytes',
    weight: 40,
    ends: [REFUSED_BY_TRANSFORM],
    make: async label => image(`small-limit-${label}.jpg`, 'jpeg', await photo()),
  },
  {
    name: 'image cut short',
    weight: 15,
    ends: EITHER,
    make: async (label, random) => {
      const whole = await photo()
      return image(`${label}.jpg`, 'jpeg', whole.subarray(0, random.integer(20, whole.length - 1)))
    },
  },
  {
    name: 'no image at all',
    weight: 40,
    ends: EITHER,
    make: (label, random) =>
      image(`${label}.png`, 'png', Buffer.from(Array.from({ length: 300 }, () => random.integer(0, 255)))),
  },
  { name: 'empty image', weight: 10, ends: EITHER, make: label => image(`${label}.png`, 'png', Buffer.alloc(0)) },
  {
    name: 'AVIF of 49 million pixels of 10 bits',
    isHeavy: true,
    weight: 5,
    ends: EITHER,
    make: async label => image(`${label}.avif`, 'avif', await deepAvif()),
  },
  {
    name: 'interlaced PNG of 16 bits',
    isHeavy: true,
    weight: 3,
    ends: EITHER,
    make: async label => image(`${label}.png`, 'png', await interlacedPng()),
  },
  {
    name: 'JPEG of 20,000 scans',
    isHeavy: true,
    weight: 3,
    ends: EITHER,
    make: async label => image(`${label}.jpg`, 'jpeg', await manyScans()),
  },
]
