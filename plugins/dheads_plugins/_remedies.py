"""Say of every distortion what mends it, or what to do where nothing does; by the labels of heads."""

from __future__ import annotations

from collections.abc import Mapping

REMEDIES: Mapping[str, str] = {
    "atmosphere": "Take it again in clearer air. A dehazing filter brings contrast back, and noise with it.",
    "blur": "Take it again in focus and with a shorter exposure. Deconvolution brings back a little of slight blur; "
    "what was lost to strong blur can only be invented.",
    "brighten": "Apply the inverse tone curve (gamma above 1); shades that were pressed together stay so.",
    "chromatic_aberration": "Scale the red and blue channels back onto green: lens profiles of raw converters do that.",
    "color": "Set the white balance on something grey, or go back to the file before the colours were changed.",
    "color_block": "The covered parts are lost: send or read the file again, or paint them in (inpainting).",
    "color_diffusion": "Go back to the source. A joint bilateral filter, led by the brightness, draws colours back to "
    "their edges.",
    "color_dithering": "Go back to the source and store it with 8 bits a channel; an inverse halftoning filter smooths "
    "the dots.",
    "color_quantization": "Go back to the source and store it as JPEG, PNG or WebP in true colour, not as GIF.",
    "color_saturation_hsv": "Raise the saturation again; where the picture is grey, the colours are lost.",
    "color_saturation_lab": "Lower the saturation; colours that were cut off at the edge of the gamut stay flat.",
    "color_shift": "Shift the displaced channel back: register it on one of the others.",
    "compression": "Go back to the source and compress it less. A deblocking filter hides blocks, and detail too.",
    "contrast_change": "Apply the inverse tone curve, or set black and white point by the histogram.",
    "darken": "Apply the inverse tone curve (gamma below 1); noise in the shadows is lifted too.",
    "denoise": "Denoise the original less, or add fine grain: the texture that was smoothed away is lost.",
    "exposure": "Take it again with another exposure; in a raw file move the exposure, else the tone curve.",
    "flicker": "Set the shutter to a multiple of the lamps' period (1/50 s, 1/60 s) and lock the exposure; afterwards "
    "a deflicker filter evens out the frames' means.",
    "frozen_frames": "Look at camera, cable and recorder; repeated frames can be dropped, not brought back.",
    "gaussian_blur": "Scale the source with a sharper filter, or do not smooth it. Slight blur is mended by unsharp "
    "masking or deconvolution.",
    "high_sharpen": "Go back to before it was sharpened and sharpen less; smoothing hides the halos only in part.",
    "impulse_noise": "A median filter of 3 x 3 pixels removes nearly all of it; look for bit errors and dead pixels.",
    "jitter": "Go back to the source: a slight blur hides frayed edges, nothing puts the pixels back.",
    "jpeg": "Compress the source again at quality 85 or higher. Deblocking filters and learnt ones smooth the blocks.",
    "jpeg2000": "Compress the source again at a higher rate; the texture that was smeared is lost.",
    "lens_blur": "Take it again in focus, or with a smaller aperture. Deconvolution with a disk mends slight defocus.",
    "light": "Light the scene more evenly. Divide by a picture of an even surface, or by the smoothed picture.",
    "mean_shift": "Set black and white point anew: subtract the offset; what was cut off stays lost.",
    "motion_blur": "Use a shorter exposure, a tripod or stabilisation. Deconvolution along the way mends a little.",
    "multiplicative_noise": "A filter for speckle (Lee, Frost), or denoise the logarithm of the picture.",
    "noise": "More light, lower sensitivity, longer exposure, or the mean of several frames; else a denoiser, gently.",
    "non_eccentricity_patch": "Send or read the file again: parts of it are in a wrong place.",
    "over_exposure": "Take it again with less exposure: burnt highlights are lost, but for what a raw file still has.",
    "pink_noise": "A denoiser that works on several scales (wavelets); plain smoothing leaves the blotches.",
    "pixelate": "Go back to the picture before it was reduced; smooth enlarging hides blocks without adding detail.",
    "quantization": "Go back to the source with more bits; adding fine grain before the bits are cut hides the steps.",
    "quality": "See which families are present: each says what mends it.",
    "sharpness": "Go back to before it was sharpened and sharpen less; it is often the camera's own setting.",
    "smoke": "Clear the air (suction, a pause), or use a dehazing filter such as the dark-channel prior.",
    "spatial": "Send, read or make the file again: what is displaced or covered is lost.",
    "under_exposure": "Take it again with more light or exposure; lifting the shadows lifts their noise too.",
    "uneven_illumination": "Light from more sides. Divide by a picture of an even surface under the same light.",
    "vignetting": "Use a smaller aperture, or the lens profile of a raw converter, which brightens the corners.",
    "white_noise": "More light or lower sensitivity; a denoiser such as BM3D or non-local means takes even grain away.",
    "white_noise_ycbcr": "Denoise the colour differences strongly and the brightness gently.",
}
