/** What the footfall page asks of the service. Promises: as `client.ts`. */
import { http, take, type Schemas } from './client'

export type FootfallReport = Schemas['FootfallReport']
export type DayFigures = Schemas['DayFigures']
export type HourFigures = Schemas['HourFigures']
export type HolidayFigures = Schemas['HolidayFigures']
export type PlaceFigures = Schemas['PlaceFigures']
export type ZoneFigures = Schemas['ZoneFigures']
export type PassageFigures = Schemas['PassageFigures']
export type FootfallForecast = Schemas['FootfallForecast']
export type HeatFigures = Schemas['HeatFigures']
export type FootfallPlaces = Schemas['FootfallPlaces']
export type ReportFormat = Schemas['ReportFormat']
export type ReportJob = Schemas['ReportJob']

export interface Span {
  from: string
  to: string
  /** A camera's id, or id/line; null: the whole village. */
  place: string | null
}

const asked = ({ from, to, place }: Span) => ({ from, to, ...(place ? { place } : {}) })

export const footfall = {
  report: (span: Span, signal?: AbortSignal) =>
    take<FootfallReport>(http.GET('/api/flow/report', { params: { query: asked(span) }, signal })),
  forecast: (place: string | null, signal?: AbortSignal) =>
    take<FootfallForecast>(http.GET('/api/flow/forecast', { params: { query: place ? { place } : {} }, signal })),
  places: () => take<FootfallPlaces>(http.GET('/api/flow/places')),
  heat: (camera_id: string, from: string, to: string, signal?: AbortSignal) =>
    take<HeatFigures[]>(http.GET('/api/flow/heat', { params: { query: { camera_id, from, to } }, signal })),
  startFile: (span: Span, format: ReportFormat, language: 'zh' | 'en') =>
    take<ReportJob>(
      http.POST('/api/flow/report-jobs', { body: { ...asked(span), format, language, forecast: format !== 'csv' } }),
    ),
  job: (job_id: string) =>
    take<ReportJob>(http.GET('/api/flow/report-jobs/{job_id}', { params: { path: { job_id } } })),
}
