/** A float of 2, 4 or 8 bytes. Those of 2 are for Node 22, which reads none. */
export function readFloat(bytes: DataView, at: number, size: number): number {
  if (size === 8) return bytes.getFloat64(at)
  if (size === 4) return bytes.getFloat32(at)
  const half = bytes.getUint16(at)
  const exponent = (half >> 10) & 31
  const fraction = half & 0x3ff
  const sign = half & 0x8000 ? -1 : 1
  if (exponent === 0) return sign * 2 ** -24 * fraction
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * 2 ** (exponent - 25) * (1_024 + fraction)
}
