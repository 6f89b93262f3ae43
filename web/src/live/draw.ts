/**
 * Draws boxes, lines, zones and their figures over a picture.
 *
 * Promises: a 2D context in, ink out; colours from the design tokens; kinds differ by outline as well as by colour: people
 * are corner brackets, vehicles full frames, fire and smoke thick frames with a flag. Not here: when to draw.
 */
import type { DrawnBox } from './track-boxes'

export interface Geometry {
  lines: { id: string; start: readonly number[]; end: readonly number[]; label: string }[]
  zones: { id: string; polygon: readonly (readonly number[])[]; label: string; crowdAt: number | null }[]
}

export interface Figures {
  counts: Record<string, [number, number]>
  occupancy: Record<string, number>
}

export interface Look {
  boxes: DrawnBox[]
  geometry: Geometry | null
  figures: Figures
  /** Names and figures beside the shapes; off on small tiles. */
  labels: boolean
  nameOf: (objectClass: string) => string
}

export interface Fit {
  x: number
  y: number
  width: number
  height: number
}

/** Where a picture lies in a box that contains it whole (`object-fit: contain`). */
export function contain(boxWidth: number, boxHeight: number, pictureWidth: number, pictureHeight: number): Fit {
  if (!(pictureWidth > 0 && pictureHeight > 0)) return { x: 0, y: 0, width: boxWidth, height: boxHeight }
  const scale = Math.min(boxWidth / pictureWidth, boxHeight / pictureHeight)
  const width = pictureWidth * scale
  const height = pictureHeight * scale
  return { x: (boxWidth - width) / 2, y: (boxHeight - height) / 2, width, height }
}

interface Palette {
  person: string
  vehicle: string
  fire: string
  smoke: string
  line: string
  zone: string
  alarm: string
  paper: string
  font: string
}

let palette: Palette | null = null

function colours(): Palette {
  if (palette) return palette
  const style = getComputedStyle(document.documentElement)
  const of = (name: string) => style.getPropertyValue(name).trim()
  palette = {
    person: of('--box-person'),
    vehicle: of('--box-vehicle'),
    fire: of('--box-fire'),
    smoke: of('--box-smoke'),
    line: of('--line-count'),
    zone: of('--zone-edge'),
    alarm: of('--vermilion'),
    paper: of('--paper-0'),
    font: of('--font-sans') || 'sans-serif',
  }
  return palette
}

export function draw(context: CanvasRenderingContext2D, fit: Fit, scale: number, look: Look): void {
  const ink = colours()
  const x = (v: number) => fit.x + v * fit.width
  const y = (v: number) => fit.y + v * fit.height
  const size = Math.max(11, Math.min(16, fit.width / 48)) * scale
  context.font = `600 ${size}px ${ink.font}`
  context.textBaseline = 'middle'
  context.lineJoin = 'round'

  for (const zone of look.geometry?.zones ?? []) {
    const people = look.figures.occupancy[zone.id]
    const crowded = zone.crowdAt !== null && people !== undefined && people >= zone.crowdAt
    context.beginPath()
    zone.polygon.forEach((p, i) => (i ? context.lineTo(x(p[0]!), y(p[1]!)) : context.moveTo(x(p[0]!), y(p[1]!))))
    context.closePath()
    context.strokeStyle = crowded ? ink.alarm : ink.zone
    context.fillStyle = crowded ? ink.alarm : ink.zone
    context.globalAlpha = crowded ? 0.16 : 0.07
    context.fill()
    context.globalAlpha = 0.85
    context.lineWidth = (crowded ? 2.5 : 1.5) * scale
    context.setLineDash([6 * scale, 5 * scale])
    context.stroke()
    context.setLineDash([])
    context.globalAlpha = 1
    const top = zone.polygon.reduce((a, b) => (b[1]! < a[1]! ? b : a))
    const figure = people === undefined ? '' : ` ${people}${zone.crowdAt === null ? '' : ` / ${zone.crowdAt}`}`
    if (look.labels) tag(context, x(top[0]!), y(top[1]!), `${zone.label}${figure}`, context.strokeStyle, size, fit)
    else if (people !== undefined) tag(context, x(top[0]!), y(top[1]!), String(people), context.strokeStyle, size, fit)
  }

  for (const line of look.geometry?.lines ?? []) {
    const [ax, ay, bx, by] = [x(line.start[0]!), y(line.start[1]!), x(line.end[0]!), y(line.end[1]!)]
    context.strokeStyle = ink.line
    context.lineWidth = 2 * scale
    context.beginPath()
    context.moveTo(ax, ay)
    context.lineTo(bx, by)
    context.stroke()
    arrow(context, ax, ay, bx, by, 7 * scale, ink.line)
    const count = look.figures.counts[line.id]
    const figure = count ? `↓${count[0]} ↑${count[1]}` : ''
    const text = look.labels ? `${line.label} ${figure}`.trim() : figure
    if (text) tag(context, (ax + bx) / 2, (ay + by) / 2, text, ink.line, size, fit)
  }

  for (const { box, object_class, confidence, alpha } of look.boxes) {
    const [left, top, right, bottom] = [x(box[0]), y(box[1]), x(box[2]), y(box[3])]
    context.globalAlpha = alpha
    const burning = object_class === 'fire' || object_class === 'smoke'
    const colour =
      object_class === 'fire'
        ? ink.fire
        : object_class === 'smoke'
          ? ink.smoke
          : object_class === 'person'
            ? ink.person
            : ink.vehicle
    outline(context, left, top, right, bottom, object_class, colour, scale)
    if (burning || look.labels) {
      const percent = burning ? ` ${Math.round(confidence * 100)}%` : ''
      tag(context, left, top - size * 0.75, `${look.nameOf(object_class)}${percent}`, colour, size, fit, 'left')
    }
    context.globalAlpha = 1
  }
}

function outline(
  context: CanvasRenderingContext2D,
  left: number,
  top: number,
  right: number,
  bottom: number,
  kind: string,
  colour: string,
  scale: number,
): void {
  const stroke = () => {
    context.strokeStyle = 'rgb(0 0 0 / 55%)'
    context.lineWidth = (kind === 'fire' || kind === 'smoke' ? 5 : 3.5) * scale
    context.stroke()
    context.strokeStyle = colour
    context.lineWidth = (kind === 'fire' || kind === 'smoke' ? 3 : 1.75) * scale
    context.stroke()
  }
  context.beginPath()
  if (kind === 'person') {
    const arm = Math.min(right - left, bottom - top) * 0.3
    for (const [px, py, dx, dy] of [
      [left, top, 1, 1],
      [right, top, -1, 1],
      [right, bottom, -1, -1],
      [left, bottom, 1, -1],
    ] as const) {
      context.moveTo(px + dx * arm, py)
      context.lineTo(px, py)
      context.lineTo(px, py + dy * arm)
    }
  } else {
    context.rect(left, top, right - left, bottom - top)
  }
  if (kind === 'smoke') context.setLineDash([8 * scale, 4 * scale])
  stroke()
  context.setLineDash([])
}

/** Points to the side that is `in`: a walker from start to end has it on the right. */
function arrow(
  context: CanvasRenderingContext2D,
  ax: number,
  ay: number,
  bx: number,
  by: number,
  size: number,
  colour: string,
): void {
  const length = Math.hypot(bx - ax, by - ay)
  if (length < size * 3) return
  const [ux, uy] = [(bx - ax) / length, (by - ay) / length]
  const [nx, ny] = [-uy, ux]
  const [mx, my] = [ax + (bx - ax) * 0.2, ay + (by - ay) * 0.2]
  context.fillStyle = colour
  context.beginPath()
  context.moveTo(mx + ux * size, my + uy * size)
  context.lineTo(mx - ux * size, my - uy * size)
  context.lineTo(mx + nx * size * 1.4, my + ny * size * 1.4)
  context.closePath()
  context.fill()
}

function tag(
  context: CanvasRenderingContext2D,
  atX: number,
  atY: number,
  text: string,
  colour: string | CanvasGradient | CanvasPattern,
  size: number,
  fit: Fit,
  align: 'left' | 'middle' = 'middle',
): void {
  const pad = size * 0.4
  const width = context.measureText(text).width + pad * 2
  const height = size * 1.5
  const wantX = align === 'left' ? atX : atX - width / 2
  const left = Math.max(fit.x, Math.min(fit.x + fit.width - width, wantX))
  const top = Math.max(fit.y, Math.min(fit.y + fit.height - height, atY - height / 2))
  const before = context.globalAlpha
  context.globalAlpha = before * 0.78
  context.fillStyle = '#071013'
  context.fillRect(left, top, width, height)
  context.globalAlpha = before
  context.fillStyle = colour
  context.fillRect(left, top, 2, height)
  context.fillText(text, left + pad, top + height / 2 + size * 0.05)
}
